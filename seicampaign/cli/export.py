"""`seicampaign export`: a stored trajectory as a file of another program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from seicampaign.errors import TrajectoryError


def export(
    simulation: Annotated[
        str,
        typer.Argument(
            help="A simulation's id, or its beginning, or the address of a trajectory (s3://...)."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="Its ending names the format: .xyz, .xtc, .h5md.")],
    format: Annotated[
        str | None, typer.Option(help="extxyz, lammps-dump, xtc or h5md. Default: by the ending.")
    ] = None,
    frames: Annotated[
        str, typer.Option(help="start:stop:step, like a slice of Python; each may be left out.")
    ] = ":",
    element: Annotated[
        list[str] | None, typer.Option(help="Only the atoms of this element; repeatable.")
    ] = None,
) -> None:
    """Write the trajectory of a simulation as extxyz, LAMMPS dump, XTC or H5MD."""
    from seicampaign.cli.analyse import chosen_one
    from seicampaign.store import connect
    from seicampaign.trajectory import open_trajectory

    part = _slice(frames)
    with connect() as store:
        if "://" in simulation:
            stored = open_trajectory(simulation)
        else:
            stored = store.trajectory(chosen_one(store, simulation))
        with counting(f"writing {file.name}", len(range(len(stored))[part])) as progress:
            written = stored.export(
                file, format=format, frames=part, atoms=element, progress=progress
            )
    size = file.stat().st_size
    print(f"{file}: {written} frames, {size / 1e6:.1f} MB.")


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None] | None]:
    """A bar on a terminal, to be told how many are done; else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _slice(text: str) -> slice:
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        raise TrajectoryError(
            f"--frames {text!r} cannot be read: give start:stop or start:stop:step, e.g. 0:1000:10."
        )
    return slice(*numbers)
