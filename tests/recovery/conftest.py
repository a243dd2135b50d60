"""A simulation that is short, registered, and has its interface."""

import pytest

from seicampaign import Campaign
from seicampaign.store import interfaces

SAMPLING = {
    "frame_interval": 0.05,
    "thermo_interval": 0.02,
    "restart_interval": 0.1,
    "segment": 0.2,
    "grade": None,
}


@pytest.fixture
def declare():
    def make(**changes):
        fields = dict(
            name="short",
            electrolytes=["Li6PS5Cl"],
            temperatures=[300],
            length=0.4,
            allow_unapproved=True,
            interface={"electrolyte_thickness": 25, "anode_thickness": 25},
            sampling=SAMPLING | changes.pop("sampling", {}),
        )
        return Campaign(**(fields | changes))

    return make


@pytest.fixture
def launched(store, declare):
    """Launch a campaign of one simulation; returns its id."""

    def launch(**changes):
        campaign = declare(**changes)
        campaign.launch(store)
        (simulation,) = campaign.simulations()
        interfaces.build(store, simulation.interface)
        return simulation.id

    return launch


@pytest.fixture
def folder(tmp_path):
    """A new directory at each call."""
    count = iter(range(1000))

    def make():
        path = tmp_path / str(next(count))
        path.mkdir()
        return path

    return make
