"""A declared simulation as its jobs find it."""

import pytest

from seicampaign.store import interfaces


@pytest.fixture
def launched(store):
    """Launch a campaign of one simulation and build its interface."""

    def launch(declared):
        (simulation,) = declared.simulations()
        declared.launch(store)
        interfaces.build(store, simulation.interface)
        return simulation

    return launch
