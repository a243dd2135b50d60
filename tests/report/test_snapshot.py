"""The picture of a frame: what is in front hides what is behind, and every phase has its colour."""

import numpy as np
import pytest
from ase import Atoms
from matplotlib.colors import to_rgb

from seicampaign.analysis import Phase, classify_frame
from seicampaign.report.snapshot import COLOURS, Scene, coloured, render, scene, snapshot
from seicampaign.structures import InterfaceSpec, build_interface


def spheres(*depths):
    colours = np.eye(3)[: len(depths)]
    n = len(depths)
    return Scene(
        np.full(n, 5.0), np.full(n, 5.0), np.array(depths), np.ones(n), colours, 10.0, 10.0
    )


def test_the_sphere_in_front_is_seen():
    picture = render(spheres(0.0, 5.0))
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert middle.argmax() == 0
    assert render(spheres(5.0, 0.0))[picture.shape[0] // 2, picture.shape[1] // 2].argmax() == 1


def test_nothing_is_drawn_beside_the_spheres():
    picture = render(spheres(0.0))
    assert (picture[:20] == 1).all()
    drawn = (picture < 0.999).any(axis=2).sum() / 16**2
    assert drawn == pytest.approx(np.pi, rel=0.1)


@pytest.fixture(scope="module")
def interface():
    spec = InterfaceSpec(electrolyte="Li6PS5Cl", anode="Li", supercell=(1, 1))
    return build_interface(spec)


def test_metal_is_at_both_ends_and_electrolyte_in_the_middle(interface):
    found = classify_frame(interface)
    shown = scene(found)
    from_middle = np.abs(shown.x - shown.width / 2)
    assert from_middle[found.phase == Phase.ANODE].min() > np.median(from_middle) - 5
    assert np.ptp(shown.y) < shown.height + 1e-9


def test_every_atom_carries_its_phase_and_colour(interface):
    atoms: Atoms = coloured(interface, classify_frame(interface))
    assert len(atoms) == len(interface)
    for phase in np.unique(atoms.arrays["phase"]):
        of = atoms.arrays["color"][atoms.arrays["phase"] == phase]
        np.testing.assert_allclose(of, [to_rgb(COLOURS[phase])] * len(of))
    assert set(atoms.get_tags()) >= {Phase.ANODE, Phase.ELECTROLYTE}


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_a_picture_is_written(interface, tmp_path, ending):
    path = snapshot(interface, tmp_path / "new" / f"frame.{ending}", title="start")
    assert path.stat().st_size > 20_000
