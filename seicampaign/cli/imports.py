"""`seicampaign import`: a run that exists already, as a simulation beside the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seicampaign.cli.export import counting
from seicampaign.errors import StoreError

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore
    from seicampaign.store.imports import Imported


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="LAMMPS dumps (compressed too) or extxyz, in the order of time."),
    ],
    electrolyte: Annotated[str, typer.Option(help="As campaigns name it, e.g. Li6PS5Cl.")],
    temperature: Annotated[float, typer.Option(help="K")],
    timestep: Annotated[float, typer.Option(help="fs")],
    elements: Annotated[
        str, typer.Option(help="Element of each LAMMPS type, in order: 'Li P S Cl'.")
    ] = "",
    anode: str = "Li",
    pressure: Annotated[float | None, typer.Option(help="bar. Default: constant volume.")] = None,
    supercell: Annotated[
        tuple[int, int] | None, typer.Option(help="Repetitions in the plane, e.g. 3 3.")
    ] = None,
    seed: int | None = None,
    potential: Annotated[str | None, typer.Option(help="What the forces came from.")] = None,
    name: Annotated[str | None, typer.Option(help="To tell it apart from others.")] = None,
    campaign: Annotated[str | None, typer.Option(help="A campaign it is to join.")] = None,
    log: Annotated[list[Path] | None, typer.Option(help="A log of LAMMPS; repeatable.")] = None,
    start: Annotated[int, typer.Option(help="MD step at which the run begins.")] = 0,
    interval: Annotated[
        float | None, typer.Option(help="ps between frames, where a file does not say.")
    ] = None,
) -> None:
    """Bring a run of LAMMPS into the store, to be analysed and compared like the others."""
    from pydantic import ValidationError

    from seicampaign.store import connect
    from seicampaign.store.campaigns import find_campaign
    from seicampaign.store.imports import ImportedRun, import_run

    try:
        run = ImportedRun(
            electrolyte=electrolyte,
            temperature=temperature,
            timestep=timestep,
            anode=anode,
            pressure=pressure,
            supercell=supercell,
            seed=seed,
            potential=potential,
            name=name,
        )
    except ValidationError as error:
        wrong = [f"--{e['loc'][0]}: {e['msg']} (got {e['input']!r})" for e in error.errors()]
        raise StoreError("This run cannot be imported. " + "; ".join(wrong) + ".") from None
    with connect() as store, counting("reading frames", None) as progress:
        if campaign is not None:
            find_campaign(store, campaign, "name")
        found = import_run(
            store,
            files,
            run,
            elements=elements.replace(",", " ").split(),
            interval=interval,
            start=start,
            logs=log or [],
            campaign=campaign,
            progress=progress,
        )
        _say(store, found)
    if campaign is not None:
        print(f"Next: `seicampaign compare {campaign}`.")


def _say(store: CampaignStore, found: Imported) -> None:
    from seicampaign.analysis import Thresholds

    last = store.trajectory(found.simulation_id).times[-1]
    counted = f"{found.frames} frames, {found.added} of them new"
    print(f"{found.simulation_id}: {counted}, to {last:g} ps.")
    if found.nearest_image:
        print("Positions were wrapped: atoms are taken to move less than half the cell per frame.")
    if found.twins:
        print(
            f"It begins with the same positions as {', '.join(found.twins)}. If that is the same "
            "run, take one back (`seicampaign imported --remove ID`): each counts as a seed."
        )
    if found.not_analysed is not None:
        print(f"Not analysed: {found.not_analysed}")
        return
    reduced = store.curve(found.simulation_id, "reduction_degree", Thresholds().key())
    first, final = reduced.values[[0, -1]]
    print(f"Reduced: {first:.3f} in its first frame, {final:.3f} in its last.")
    if first > 0.5:
        print(
            "That is much to begin with: are --elements in the order of the types? If not, import "
            f"it again with others, and `seicampaign imported --remove {found.simulation_id}`."
        )
