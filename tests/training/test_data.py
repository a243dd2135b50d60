"""Label sets: what is read, what is refused, and splits that leak nothing."""

import ase.io
import numpy as np
import pytest
from labels import morse_labels

from seicampaign.errors import TrainingError
from seicampaign.training.data import check_labels, read_labels, split, stress


def test_extxyz_comes_back_with_its_labels(tmp_path):
    images = morse_labels(3)
    ase.io.write(tmp_path / "set.extxyz.gz", images)
    again = read_labels(tmp_path / "set.extxyz.gz")
    for old, new in zip(images, again, strict=True):
        assert new.calc.results["energy"] == pytest.approx(old.calc.results["energy"], abs=1e-7)
        np.testing.assert_allclose(new.get_forces(), old.get_forces(), atol=1e-7)
        np.testing.assert_allclose(stress(new), stress(old), atol=1e-7)
        assert new.info["kind"] == old.info["kind"]


def test_a_stress_may_be_a_matrix():
    (atoms,) = morse_labels(1)
    voigt = stress(atoms)
    xx, yy, zz, yz, xz, xy = voigt
    atoms.calc.results["stress"] = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    np.testing.assert_array_equal(stress(atoms), voigt)


def damaged(change):
    images = morse_labels(4)
    change(images)
    return images


def without(key):
    return lambda images: images[2].calc.results.pop(key)


def spoil(key):
    def change(images):
        np.asarray(images[1].calc.results[key])[...] = np.nan

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("energy"), r"Configuration 2 \(.*kind 'solid', source 'run 1'\): has no energy"),
        (without("forces"), "Configuration 2 .* has no forces"),
        (spoil("forces"), "Configuration 1 .* forces has values that are not finite"),
        (spoil("stress"), "Configuration 1 .* stress has values that are not finite"),
        (lambda x: setattr(x[0], "calc", None), "Configuration 0 .* has no labels"),
        (lambda x: x[3].calc.results.update(forces=np.zeros((2, 3))), r"shape \(2, 3\)"),
        (lambda x: x.append(x[1]), "Configuration 4 .* is the same as configuration 1"),
        (lambda x: x[3].set_pbc(False), "has a stress but is not periodic"),
        (lambda x: x[3].info.update(setting="PBE"), "mix settings: setting is 'None'.*'PBE'"),
        (lambda x: x[0].symbols.__setitem__(0, "Kr"), "has Kr, the potential is for Ar Ne"),
        (lambda x: x.clear(), "The data set is empty"),
    ],
)
def test_a_set_that_cannot_be_learnt_is_refused(change, message):
    with pytest.raises(TrainingError, match=message):
        check_labels(damaged(change), ("Ar", "Ne"))


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="Cannot read labels from"):
        read_labels(tmp_path / "none.extxyz")
    (tmp_path / "bad.extxyz").write_text("3\nnothing\nLi 0 0\n")
    with pytest.raises(TrainingError, match=r"bad\.extxyz"):
        read_labels(tmp_path / "bad.extxyz")


def test_split_keeps_sources_together_and_takes_from_every_kind():
    images = morse_labels(40)
    for place, atoms in enumerate(images):
        atoms.info["source"] = f"{atoms.info['kind']} {place // 8}"
    kept, held = split(images, 0.25, seed=3)
    assert sorted(kept + held) == list(range(40))
    sources = [{images[i].info["source"] for i in part} for part in (kept, held)]
    assert not sources[0] & sources[1]
    assert {images[i].info["kind"] for i in held} == {"solid", "liquid"}
    assert split(images, 0.25, seed=3) == (kept, held)
    assert split(images, 0.25, seed=4) != (kept, held)


def test_nothing_is_held_out_of_a_kind_with_one_source():
    images = morse_labels(2)
    assert split(images, 0.5) == ([0, 1], [])
    with pytest.raises(TrainingError, match="must be 0 to 1"):
        split(images, 1.0)
