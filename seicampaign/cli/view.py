"""`seicampaign view`: a frame coloured by phase, in a picture, OVITO or ASE's viewer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.analyse import chosen
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
        from ase.visualize import view as show

        show(_coloured(atoms))
        print("ASE's viewer was started. The phases are the tags: View, Colors, By tag.")
    elif to == "ovito":
        _open_in_ovito(_write(atoms, Path(f"{name}.extxyz")))
    elif Path(to).suffix in ATOMS:
        print(f"{_write(atoms, Path(to))}: phase and color per atom.")
    else:
        _draw(atoms, Path(to), name)


def _frame(simulation: str, frame: int) -> tuple[Atoms, str]:
    from seicampaign.store import connect

    with connect() as store:
        ids = chosen(store, simulation)
        if len(ids) != 1:
            raise AnalysisError(f"{simulation!r} is {len(ids)} simulations: {', '.join(ids)}.")
        trajectory = store.trajectory(ids[0])
        if not -len(trajectory) <= frame < len(trajectory):
            raise AnalysisError(
                f"Simulation {ids[0]} has {len(trajectory)} frames, and no {frame}."
            )
        number = range(len(trajectory))[frame]
        return trajectory.frame(number), f"{ids[0]}-{number}"


def _coloured(atoms: Atoms) -> Atoms:
    from seicampaign.analysis import classify_frame
    from seicampaign.report.snapshot import coloured

    return coloured(atoms, classify_frame(atoms))


def _write(atoms: Atoms, path: Path) -> Path:
    from ase.io import write

    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["symbols", "positions", "phase", "color", "radius"]
    write(path, _coloured(atoms), format="extxyz", columns=columns)
    return path


def _open_in_ovito(path: Path) -> None:
    program = shutil.which("ovito")
    if program is None:
        print(
            f"{path} is ready; OVITO is not on the PATH here. Open it there: atoms come coloured."
        )
        return
    subprocess.Popen([program, str(path)], start_new_session=True)
    print(f"OVITO was started with {path}.")


def _draw(atoms: Atoms, path: Path, name: str) -> None:
    from matplotlib.figure import Figure

    from seicampaign.report.snapshot import snapshot

    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in formats:
        raise AnalysisError(
            f"--to {path} cannot be written: use ovito, ase, {', '.join(ATOMS)} or a picture "
            f"({', '.join(sorted(formats))})."
        )
    time = atoms.info.get("time")
    print(snapshot(atoms, path, title=name if time is None else f"{name}, {time:g} ps"))
