"""How far a campaign is, before anything has run."""

import json

from ase.io import write

from seicampaign import Campaign
from seicampaign.campaign.status import CampaignStatus, SimulationStatus
from seicampaign.store.imports import ImportedRun, import_run
from seicampaign.structures import crystal


def test_runs_from_elsewhere_are_counted_and_not_waited_for(store, tmp_path):
    campaign = Campaign(
        name="two-temperatures",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300, 400],
        length=1,
        allow_unapproved=True,
    )
    campaign.launch(store)
    assert campaign.status(store).imported == 0
    write(tmp_path / "old.extxyz", [crystal("Li6PS5Cl")] * 2)
    run = ImportedRun(electrolyte="Li6PS5Cl", temperature=400, timestep=1)
    import_run(store, [tmp_path / "old.extxyz"], run, interval=0.1, campaign="two-temperatures")
    status = campaign.status(store)
    assert status.imported == 1 and len(status.simulations) == 2
    assert json.loads(json.dumps(status.as_dict()))["imported"] == 1


def test_what_waits_for_a_worker_between_two_segments_does_not_shorten_the_time_to_go():
    def at(ns_done, waits_for):
        return SimulationStatus(
            "id", "title", "running", ns_done, 1.0, 12.0, None, waits_for=waits_for
        )

    status = CampaignStatus("name", [at(0.5, None), at(0.5, "a worker")])
    assert status.core_hours_left == 2.0  # 1 ns at 12 ns/day
    assert status.hours_left == 2.0
    assert CampaignStatus("name", [at(0.5, "a worker")]).hours_left is None


def test_what_has_ended_takes_no_more_time():
    def at(state, ns_done):
        return SimulationStatus("id", "title", state, ns_done, 1.0, 24.0, None)

    status = CampaignStatus(
        "name", [at("running", 0.5), at("extrapolating", 0), at("cancelled", 0)]
    )
    assert status.core_hours_left == status.hours_left == 0.5
    assert not status.ended and not status.finished
    over = CampaignStatus("name", [at("completed", 1), at("extrapolating", 0)])
    assert over.ended and not over.finished and over.core_hours_left == 0
