"""A simulation with a pair style of LAMMPS's own and its file, through the store and back."""

import numpy as np
import pytest

from seicampaign import Campaign
from seicampaign.jobs.segment import advance
from seicampaign.store import interfaces, potentials, simulations

pytestmark = pytest.mark.slow


def table(path):
    """A soft repulsion of all pairs."""
    r = np.linspace(0.5, 6.0, 200)
    energy, force = 200 * np.exp(-r / 0.3), 200 / 0.3 * np.exp(-r / 0.3)
    rows = "\n".join(
        f"{n + 1} {a} {b} {c}" for n, (a, b, c) in enumerate(zip(r, energy, force, strict=True))
    )
    path.write_text(f"# soft repulsion\n\nALL\nN {len(r)} R 0.5 6.0\n\n{rows}\n")


CAMPAIGN = """\
name: table
electrolytes: [Li6PS5Cl]
temperatures: [300]
pressures: [null]
length: 0.2
allow_unapproved: true
interface: {electrolyte_thickness: 25, anode_thickness: 25}
sampling: {frame_interval: 0.05, thermo_interval: 0.05, segment: 0.1}
potential:
  name: soft
  lines: [pair_style table linear 1000, "pair_coeff * * soft.table ALL 5.0"]
  elements: [S, Cl, Li, P]
  files: [soft.table]
"""


def test_a_worker_elsewhere_has_the_file_from_the_store(store, tmp_path):
    table(tmp_path / "soft.table")
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    campaign = Campaign.from_file(tmp_path / "campaign.yaml")
    (simulation,) = campaign.simulations()
    campaign.launch(store)
    interfaces.build(store, simulation.interface)
    (tmp_path / "soft.table").unlink()
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        outcome = advance(store, simulation.id, tmp_path / name)
    assert outcome["last_step"] == 200
    assert store.trajectory(simulation.id).steps.tolist() == [0, 50, 100, 150, 200]
    assert store.curve(simulation.id, "potential_energy").values[0] > 0
    said = simulations.get(store, simulation.id)["grading"]["off"]
    assert "'soft' is LAMMPS lines" in said
    found = potentials.load_pair(store, simulation.potential.hash)
    assert found.hash == simulation.potential.hash
    assert found.files["soft.table"].startswith(b"# soft repulsion")
