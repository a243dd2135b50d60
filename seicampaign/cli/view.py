"""`seicampaign view`: a frame coloured by phase, in a picture, OVITO or ASE's viewer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.analyse import chosen_one
from seicampaign.errors import AnalysisError

if TYPE_CHECKING:
    from ase import Atoms

ATOMS = (".xyz", ".extxyz")


def view(
    simulation: Annotated[str, typer.Argument(help="A simulation's id, or its beginning.")],
    frame: Annotated[int, typer.Option(help="From 0; negative from the end.")] = -1,
    to: Annotated[
        str, typer.Option(help="ovito, ase, a picture (.png, .pdf, ...) or atoms (.extxyz).")
    ] = "frame.png",
) -> None:
    """Show a frame coloured by phase."""
    atoms, name = _frame(simulation, frame)
    if to == "ase":
        _open_in_ase(atoms)
        return
    path = Path(f"{name}.extxyz" if to == "ovito" else to)
    try:
        _to_file(atoms, path, name)
    except OSError as error:
        raise AnalysisError(f"{path} cannot be written: {error.strerror or error}.") from error
    if to == "ovito":
        _open_in_ovito(path)


def _to_file(atoms: Atoms, path: Path, name: str) -> None:
    if path.suffix.lower() in ATOMS:
        _write(atoms, path)
        print(f"{path}: phase and color per atom.")
    else:
        _draw(atoms, path, name)


def _frame(simulation: str, frame: int) -> tuple[Atoms, str]:
    from seicampaign.store import connect

    with connect() as store:
        identity = chosen_one(store, simulation)
        trajectory = store.trajectory(identity)
        if not -len(trajectory) <= frame < len(trajectory):
            raise AnalysisError(
                f"Simulation {identity} has {len(trajectory)} frames, and no {frame}."
            )
        number = range(len(trajectory))[frame]
        return trajectory.frame(number), f"{identity}-{number}"


def _coloured(atoms: Atoms) -> Atoms:
    from seicampaign.analysis import classify_frame
    from seicampaign.report.snapshot import coloured

    return coloured(atoms, classify_frame(atoms))


def _write(atoms: Atoms, path: Path) -> None:
    from ase.io import write

    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["symbols", "positions", "phase", "color", "radius"]
    write(path, _coloured(atoms), format="extxyz", columns=columns)


def _open_in_ase(atoms: Atoms) -> None:
    from ase.visualize import view as show

    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise AnalysisError(
            "ASE's viewer needs a screen, and there is none here (DISPLAY is not set): write a "
            "picture, --to frame.png, or atoms to look at elsewhere, --to frame.extxyz."
        )
    show(_coloured(atoms))
    print("ASE's viewer was started. The phases are the tags: View, Colors, By tag.")


def _open_in_ovito(path: Path) -> None:
    program = shutil.which("ovito")
    if program is None:
        print("OVITO is not on the PATH here. Open the file where it is: atoms come coloured.")
        return
    subprocess.Popen([program, str(path)], start_new_session=True)
    print(f"OVITO was started with {path}.")


def _draw(atoms: Atoms, path: Path, name: str) -> None:
    from matplotlib.figure import Figure

    from seicampaign.report.snapshot import snapshot

    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in formats:
        raise AnalysisError(
            f"--to {path} cannot be written: use ovito, ase, {', '.join(ATOMS)} or a picture "
            f"({', '.join(sorted(formats))})."
        )
    time = atoms.info.get("time")
    print(snapshot(atoms, path, title=name if time is None else f"{name}, {time:g} ps"))
