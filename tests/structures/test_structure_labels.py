import numpy as np
import pytest

from seicampaign.errors import StructureError
from seicampaign.structures import crystals, label_cells
from seicampaign.structures.slab import polyanion_bonds


@pytest.mark.parametrize("name", [c.name for c in crystals("electrolyte")])
def test_label_cells_are_small_wide_and_whole(name):
    cells = label_cells(name)
    assert len(cells) >= 3
    for atoms in cells:
        assert 80 <= len(atoms) <= 130
        heights = atoms.get_volume() / np.linalg.norm(
            [np.cross(atoms.cell[k - 2], atoms.cell[k - 1]) for k in range(3)], axis=1
        )
        assert heights.min() >= 9.2
        centres, _, _ = polyanion_bonds(atoms)
        assert np.all(np.bincount(centres, minlength=len(atoms))[atoms.numbers == 15] == 4)


def test_the_papers_electrolyte_gives_the_starter_sets_cells():
    assert [len(a) for a in label_cells("Li6PS5Cl")] == [88, 106, 124]


def test_too_small_a_limit_is_refused():
    with pytest.raises(StructureError, match="more than 50"):
        label_cells("Li6PS5Cl", max_atoms=50)
