"""Small interface cells for ab initio labels."""

from __future__ import annotations

from ase import Atoms

from seicampaign.errors import StructureError
from seicampaign.structures.interface import build_interface
from seicampaign.structures.spec import InterfaceSpec

AREAS = (165.0, 135.0)  # of the common cell, A^2: the largest that leaves room for the anode
ANODE_LAYERS = (2, 3, 4, 5)


def label_cells(
    electrolyte: str,
    anode: str = "Li",
    seed: int = 0,
    max_atoms: int = 130,
    min_edge: float = 9.2,
) -> list[Atoms]:
    """Interface cells small enough for an ab initio calculation.

    One layer of the electrolyte between 2 to 5 layers of the anode: the contacts of the models,
    where need be on a smaller common cell.

    Parameters
    ----------
    electrolyte, anode
        Crystals of the library, or CIF files.
    seed
        Of the disorder, where there is any.
    max_atoms
        Largest cell to return.
    min_edge
        Smallest distance between opposite faces, Angstrom.

    Returns
    -------
    list of ase.Atoms
        From the thinnest anode to the thickest, as `build_interface` gives them.

    Raises
    ------
    StructureError
        If no such cell is small enough, or the interface cannot be built.
    """
    for area in AREAS:
        spec = InterfaceSpec(
            electrolyte=electrolyte,
            anode=anode,
            electrolyte_layers=1,
            anode_layers=ANODE_LAYERS[0],
            max_area=area,
            min_width=min_edge,
            seed=seed,
        )
        specs = [spec.model_copy(update={"anode_layers": n}) for n in ANODE_LAYERS]
        built = [build_interface(s) for s in specs]
        small = [a for a in built if len(a) <= max_atoms and a.cell[2, 2] >= min_edge]
        if small:
            return small
    raise StructureError(
        f"The smallest interface cell of {electrolyte} and {anode} has {len(built[0])} atoms, more "
        f"than {max_atoms}. Raise max_atoms, or give a plane with a smaller repeat to "
        "build_interface."
    )
