"""A campaign whose potential meets what it does not know: FireWorks with the real LAMMPS."""

import pytest

from seicampaign import Campaign
from seicampaign.errors import CampaignError

pytestmark = pytest.mark.slow


def declared(limit):
    return Campaign(
        name="far",
        electrolytes=["Li6PS5Cl"],
        temperatures=[400],
        length=0.3,
        allow_unapproved=True,
        interface={"electrolyte_thickness": 25, "anode_thickness": 25},
        sampling={
            "frame_interval": 0.05,
            "segment": 0.1,
            "grade": {"every": 5, "select": 0.5, "break": limit},
        },
    )


def test_the_workflow_ends_the_status_says_why_and_a_higher_threshold_goes_on(store):
    low = declared(0.8)  # less than any start has
    for _ in range(2):  # the second time there is nothing to do, and the same to be said
        with pytest.raises(CampaignError, match=r"1 of 1 .* extrapolation grade of atom \d+ \("):
            low.run(store)
    (simulation,) = low.status(store).simulations
    assert simulation.state == "extrapolating"
    assert "over the break threshold of 0.8:" in simulation.error
    assert store.launchpad().workflows.distinct("state") == ["COMPLETED"]
    broke_at = store.simulations.query_one({})["steps_done"]
    assert broke_at < 300
    assert declared(None).run(store).finished
    assert store.trajectory(simulation.simulation_id).steps.tolist() == list(range(0, 301, 50))
    assert sorted(s["first_step"] for s in store.segments.query())[-1] >= broke_at
