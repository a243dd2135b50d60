"""Looking a campaign up."""

import pytest

from seicampaign.errors import CampaignError, StoreError
from seicampaign.store import CampaignStore
from seicampaign.store.campaigns import find_campaign, only_campaign


def test_a_campaign_is_found_whole_or_in_part(store):
    document = {"_id": "argyrodites", "name": "argyrodites", "simulations": ["a", "b"]}
    store.database["campaigns"].insert_one(document)
    assert find_campaign(store, "argyrodites") == document
    found = find_campaign(store, "argyrodites", "simulations")
    assert found == {"_id": "argyrodites", "simulations": ["a", "b"]}


def test_a_wrong_name_is_told_the_nearest_one(store):
    store.database["campaigns"].insert_one({"_id": "argyrodites"})
    with pytest.raises(CampaignError, match=r"Did you mean 'argyrodites'\?.*launch"):
        find_campaign(store, "argyrodite")


def test_a_database_that_is_away_is_no_unknown_campaign():
    away = CampaignStore("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50", "work")
    with away, pytest.raises(StoreError, match="cannot be read"):
        find_campaign(away, "argyrodites")


def test_the_name_can_be_left_out_where_there_is_one_campaign(store):
    with pytest.raises(CampaignError, match="no campaign here yet"):
        only_campaign(store)
    store.database.campaigns.insert_one({"_id": "argyrodites"})
    assert only_campaign(store) == "argyrodites"
    store.database.campaigns.insert_one({"_id": "glasses", "name": "glasses"})
    with pytest.raises(CampaignError, match=r"Name a campaign\. Known: argyrodites, glasses"):
        only_campaign(store)
