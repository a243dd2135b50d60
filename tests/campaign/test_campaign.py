"""Campaign files: what they expand into, and what is said of wrong ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from seicampaign import Campaign
from seicampaign.errors import (
    CampaignError,
    PotentialError,
    SEICampaignError,
    StructureError,
)

WORKFLOWS = Path(__file__).parents[2] / "workflows"
GOOD = """\
name: good
electrolytes: [Li6PS5Cl]
temperatures: [300, 400]
length: 10
"""


def campaign_file(tmp_path, text):
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    return path


def test_the_paper_is_24_simulations_one_of_them_at_half_the_timestep():
    simulations = Campaign.from_file(WORKFLOWS / "chaney2024.yaml").simulations()
    assert len(simulations) == len({s.id for s in simulations}) == 24
    (slow,) = [s for s in simulations if s.timestep != 1.0]
    assert slow.timestep == 0.5
    assert (slow.supercell, slow.temperature, slow.pressure, slow.seed) == ((6, 6), 400, 1, 2)


def test_argyrodites_are_five_electrolytes_with_three_seeds_each():
    simulations = Campaign.from_file(WORKFLOWS / "argyrodites.yaml").simulations()
    assert len(simulations) == len({s.id for s in simulations}) == 5 * 2 * 3
    assert len({s.electrolyte for s in simulations}) == 5


def test_a_campaign_is_read_without_building_its_crystals():
    read = f"Campaign.from_file({str(WORKFLOWS / 'argyrodites.yaml')!r}).simulations()"
    loaded = f"from seicampaign import Campaign; {read}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, check=True, text=True
    )
    assert not {"numba", "ase.spacegroup", "seicampaign.structures.occupation"} & set(
        done.stdout.split()
    )


def test_the_lengths_are_in_steps_of_each_simulation():
    campaign = Campaign.from_file(WORKFLOWS / "chaney2024.yaml")
    assert sorted(campaign.lengths().values()) == [10_000_000] * 23 + [20_000_000]


def test_a_matrix_in_python():
    campaign = Campaign(
        name="matrix",
        electrolytes=["Li6PS5Cl", "beta-Li3PS4"],
        temperatures=[300, 400],
        pressures=[1, None],
        seeds=[1, 2, 3],
        length=5,
    )
    simulations = campaign.simulations()
    assert len(simulations) == 2 * 2 * 2 * 3
    assert {s.md.ensemble for s in simulations if s.pressure is None} == {"nvt"}


def test_a_simulation_named_twice_is_one():
    twice = Campaign(name="twice", electrolytes=["Li6PS5Cl"], temperatures=[300, 300.0], length=1)
    assert len(twice.simulations()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "temperature: [300]",
            r"line 5: [Uu]nknown key 'temperature'. Did you mean 'temperatures'",
        ),
        ("pressures: []", r"line 5: pressures: .*at least 1"),
        ("sampling: {frame_intervall: 1}", r"Did you mean 'frame_interval'"),
        ("md: {timestep: 0}", r"timestep: .*greater than 0"),
        ("md: {timestepp: 1}", r"line 5: [Uu]nknown key 'timestepp'. Did you mean 'timestep'"),
        ("md:\n  seed: 1\n  timestepp: 1", r"line 7: .*timestepp"),
        ("interface: {max_strian: 0.1}", r"line 5: .*Did you mean 'max_strain'"),
        ("supercells: [[0, 1]]", r"supercell"),
        ("potential: LiPSCl-level88", r"Did you mean 'LiPSCl-level8'"),
        ("potential: {file: nowhere.mtp, species: [Li]}", r"nowhere\.mtp"),
        ("exceptions: [{where: {temprature: 300}, timestep: 0.5}]", r"Did you mean 'temperature'"),
        ("name: twice", r"duplicate key|twice"),
        ("seeds: [one]", r"line 5: seeds.0: .*integer"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_the_remedy(tmp_path, line, message):
    with pytest.raises(SEICampaignError, match=message):
        Campaign.from_file(campaign_file(tmp_path, GOOD + line + "\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Li6PS5Cl", "Li6PS5Chlorine", r"Did you mean 'Li6PS5Cl'"),
        ("[300, 400]", "[-300]", r"line 3: temperatures.0: .*greater than 0, not -300"),
        ("[300, 400]", "[]", r"line 3: temperatures: .*at least 1"),
        ("length: 10", "length: 0", r"line 4: length: .*greater than 0"),
        ("name: good", "name: ../evil", r"line 1: name"),
        ("name: good", "- good", r"no valid YAML"),
    ],
)
def test_wrong_values_are_named_with_their_line(tmp_path, old, new, message):
    with pytest.raises(SEICampaignError, match=message):
        Campaign.from_file(campaign_file(tmp_path, GOOD.replace(old, new)))


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(CampaignError, match=r"cannot be read: No such file"):
        Campaign.from_file(tmp_path / "none.yaml")


def test_a_potential_that_lacks_an_element_is_refused(tmp_path):
    text = GOOD.replace("Li6PS5Cl", "Li6PS5I")
    with pytest.raises(PotentialError, match=r"lacks I: it knows Li, P, S, Cl"):
        Campaign.from_file(campaign_file(tmp_path, text))


def test_a_strain_over_its_bound_is_refused_before_anything_is_launched(store):
    strained = Campaign(
        name="strained",
        electrolytes=["beta-Li3PS4"],
        temperatures=[300],
        length=1,
        allow_unapproved=True,
        interface={"max_strain": 0.001},
    )
    with pytest.raises(StructureError, match=r"strain"):
        strained.launch(store)
    assert store.simulations.count() == 0
    assert store.launchpad().fireworks.count_documents({}) == 0


def test_a_crystal_without_lithium_is_probably_the_wrong_file(tmp_path):
    from ase.build import bulk

    bulk("S", "sc", a=3.3).write(tmp_path / "S.cif")
    for key in ("electrolytes: [Li6PS5Cl]", "anode: Li"):
        part = f"{key.split(':')[0]}: {'[S.cif]' if '[' in key else 'S.cif'}"
        text = GOOD.replace(key, part) if key in GOOD else f"{GOOD}{part}\n"
        with pytest.raises(CampaignError, match=r"S\.cif holds no Li, only S"):
            Campaign.from_file(campaign_file(tmp_path, text))
