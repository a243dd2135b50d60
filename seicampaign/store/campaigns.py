"""Looking a campaign up by its name, or without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seicampaign.errors import CampaignError, listed, unknown

if TYPE_CHECKING:
    from seicampaign.store.campaign_store import CampaignStore


def find_campaign(store: CampaignStore, name: str, *fields: str) -> dict[str, Any]:
    """The document of a launched campaign.

    Parameters
    ----------
    fields
        Those that are wanted besides ``_id``. Default: all.

    Raises
    ------
    CampaignError
        If no campaign of that name was launched into this database, with the nearest that was.
    """
    campaigns = store.database["campaigns"]
    with store.explained("read"):
        found = campaigns.find_one({"_id": name}, fields or None)
        if found is None:
            known = campaigns.distinct("_id")
            raise CampaignError(
                unknown("campaign", name, known) + " `seicampaign launch` adds one."
            )
    return found


def only_campaign(store: CampaignStore) -> str:
    """The name of the campaign of a database that has just one.

    Raises
    ------
    CampaignError
        If it has none or several, with their names.
    """
    with store.explained("read"):
        known = store.database["campaigns"].distinct("_id")
    if not known:
        raise CampaignError("There is no campaign here yet. `seicampaign launch` adds one.")
    if len(known) > 1:
        raise CampaignError(f"Name a campaign. Known: {listed(known)}.")
    return str(known[0])
