"""The ways in which a campaign file names its potential, and what is said of wrong ones."""

import pytest

from seicampaign import Campaign
from seicampaign.errors import CampaignError, PotentialError, SEICampaignError
from seicampaign.md.potentials import LammpsPotential
from seicampaign.mtp import load_potential

GOOD = """\
name: own
electrolytes: [Li6PS5Cl]
temperatures: [300]
length: 10
"""
LINES = """\
potential:
  lines: [pair_style lj/cut 6.0, "pair_coeff * * 0.01 2.5"]
  elements: [Li, P, S, Cl]
"""


def read(tmp_path, text):
    path = tmp_path / "campaign.yaml"
    path.write_text(GOOD + text)
    return Campaign.from_file(path)


@pytest.fixture
def shipped(tmp_path):
    potential = load_potential("LiPSCl-level8")
    (tmp_path / "own.mtp").write_text(potential.path.read_text())
    return potential


def test_lines_of_any_pair_style(tmp_path):
    potential = read(tmp_path, LINES).load_potential()
    assert isinstance(potential, LammpsPotential)
    assert potential.pair_lines(["Li"])[0] == "pair_style lj/cut 6.0"
    (simulation,) = read(tmp_path, LINES).simulations()
    assert simulation.potential.hash == potential.hash


def test_files_beside_the_campaign_are_part_of_the_identity(tmp_path):
    text = LINES.replace("* * 0.01 2.5", "* * pair.table ALL").replace(
        "lj/cut 6.0", "table linear 9"
    )
    text += "  files: [models/pair.table]\n"
    (tmp_path / "models").mkdir()
    ids = set()
    for content in ("one", "two"):
        (tmp_path / "models/pair.table").write_text(content)
        (simulation,) = read(tmp_path, text).simulations()
        ids.add(simulation.id)
    assert len(ids) == 2


def test_mlip_of_either_version(tmp_path, shipped):
    two = read(tmp_path, "potential: {mlip: own.mtp, species: [Li, P, S, Cl]}")
    assert two.load_potential().lines[0] == "pair_style mlip mlip.ini"
    (tmp_path / "own.almtp").write_text("of MLIP-3")
    three = read(tmp_path, "potential: {mlip: own.almtp, version: 3, species: [Li, P, S, Cl]}")
    assert three.load_potential().lines[0] == "pair_style mlip load_from=own.almtp"
    assert two.load_potential().hash != shipped.hash  # another engine is another simulation


def test_what_it_was_trained_on_gives_a_file_of_ones_own_its_grades(tmp_path, shipped):
    from seicampaign.md.active import training_active_set
    from seicampaign.mtp import write_cfg
    from seicampaign.structures import crystal

    write_cfg(tmp_path / "train.cfg", [crystal("Li2S")], shipped.species)
    text = "potential: {file: own.mtp, species: [Li, P, S, Cl], training: train.cfg}"
    potential = read(tmp_path, text).load_potential()
    assert potential.hash == shipped.hash
    assert training_active_set(potential).configurations() == [0]
    assert training_active_set(load_potential(tmp_path / "own.mtp", shipped.species)) is None
    with pytest.raises(PotentialError, match=r"trained on is not at .*none\.cfg"):
        read(tmp_path, text.replace("train.cfg", "none.cfg")).load_potential()


@pytest.mark.parametrize(
    "text",
    [
        "potential: ../own.mtp",
        "potential: ../../own",
        "potential: {file: ../own.mtp, species: [Li, P, S, Cl]}",
        "potential: {file: own.mtp, species: [Li, P, S, Cl], training: /etc/passwd}",
        "potential: {mlip: ../own.mtp, species: [Li, P, S, Cl]}",
        LINES + "  files: [/etc/passwd]",
        "anode: ../Li.cif",
    ],
)
def test_paths_do_not_leave_the_directory_of_the_campaign(tmp_path, shipped, text):
    with pytest.raises(CampaignError, match=r"leads out of .*copy it there"):
        read(tmp_path, text)


def test_a_link_out_of_the_directory_is_not_followed(tmp_path, shipped):
    (tmp_path / "study").mkdir()
    (tmp_path / "study/own.mtp").symlink_to(tmp_path / "own.mtp")
    with pytest.raises(CampaignError, match="leads out of"):
        read(tmp_path / "study", "potential: {file: own.mtp, species: [Li, P, S, Cl]}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("potential: {flie: own.mtp}", r"line 5: [Uu]nknown key 'flie'. Did you mean 'file'"),
        (LINES + "  fils: []", r"line 8: [Uu]nknown key 'fils'. Did you mean 'files'"),
        ("potential: {mlip: own.mtp, version: 4, species: [Li]}", r"version: .*2 or 3"),
        ("potential: 3", r"potential: should be a name, or a mapping with `file`, `mlip`"),
        (LINES.replace("pair_style lj/cut 6.0", "include x"), r"not one of pair_style"),
        (LINES.replace("Cl]", "I]"), r"lacks Cl: it knows Li, P, S, I"),
        (LINES + "  files: [none.table]", r"none\.table cannot be read"),
        ("sampling: {grade: {brake: 3}}", r"[Uu]nknown key 'brake'. Did you mean 'break'"),
        ("sampling: {grade: {break: 1}}", r"break \(1\) is under select \(2\)"),
        ("sampling: {grade: {every: 0}}", r"sampling\.grade\.every: .*greater than"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(SEICampaignError, match=message):
        read(tmp_path, text)


def test_grades_do_not_change_what_a_simulation_is(tmp_path):
    (first,) = read(tmp_path, "").simulations()
    (second,) = read(tmp_path, "sampling: {grade: {every: 25, break: 4}}").simulations()
    (third,) = read(tmp_path, "sampling: {grade: null}").simulations()
    assert first.id == second.id == third.id


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.table").write_text(folder)
    with pytest.raises(PotentialError, match="two of its files have one name"):
        read(tmp_path, LINES + "  files: [a/x.table, b/x.table]")
