"""One loop at a time on a data set."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from seicampaign.errors import TrainingError
from seicampaign.store import leases
from seicampaign.trajectory.lease import born


def hand_to_parent(store):
    """Let the lease look as if the process that started the tests held it."""
    parent = {"holder.pid": os.getppid(), "holder.born": born(os.getppid())}
    store.database[leases.COLLECTION].update_many({}, {"$set": parent})


def kill_holder(store):
    """Let the lease look as it does when its process has died."""
    store.database[leases.COLLECTION].update_many({}, {"$set": {"holder.born": -1}})


def token(store):
    return store.database[leases.COLLECTION].find_one({"_id": "data"})["token"]


def test_a_run_keeps_its_lease_from_job_to_job(store):
    leases.take(store, "data", "one", "token")
    leases.take(store, "data", "one", "token")
    assert token(store) == "token"
    leases.require(store, "data", "token")


def test_a_run_that_failed_can_be_repeated_in_the_same_process(store):
    leases.take(store, "data", "one", "token")
    leases.take(store, "data", "one", "again")
    assert token(store) == "again"
    leases.require(store, "data", "again")


def test_another_loop_is_refused_and_told_whose_it_is(store):
    leases.take(store, "data", "one", "token")
    with pytest.raises(
        TrainingError, match=r"'data' belongs to the .* loop 'one', last .* process"
    ):
        leases.take(store, "data", "two", "other")
    leases.take(store, "other-data", "two", "other")


def test_the_same_loop_is_not_run_twice_at_once_but_taken_up_after_a_kill(store):
    leases.take(store, "data", "one", "token")
    hand_to_parent(store)
    with pytest.raises(TrainingError, match="belongs to"):
        leases.take(store, "data", "one", "again")
    kill_holder(store)
    leases.take(store, "data", "one", "again")
    assert token(store) == "again"
    with pytest.raises(TrainingError, match="what it stored stays"):
        leases.require(store, "data", "token")


def test_a_loop_that_died_keeps_its_data_set_for_a_day_from_others(store):
    leases.take(store, "data", "one", "token")
    kill_holder(store)
    with pytest.raises(TrainingError, match="loop one --give-up"):
        leases.take(store, "data", "two", "other")
    long_ago = datetime.now(UTC) - timedelta(days=2)
    store.database[leases.COLLECTION].update_many({}, {"$set": {"renewed": long_ago}})
    leases.take(store, "data", "two", "other")


def test_a_lease_that_was_ended_is_free(store):
    leases.take(store, "data", "one", "token")
    assert leases.release(store, "data", loop="one")
    assert not leases.release(store, "data", loop="one")
    leases.take(store, "data", "two", "other")
    with pytest.raises(TrainingError, match="belongs to the active-learning loop 'two'"):
        leases.require(store, "data", "token")
