"""Puts the simulations of a campaign into the LaunchPad, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from seicampaign.documents import SCHEMA_VERSION, Simulation
from seicampaign.errors import CampaignError
from seicampaign.store import approvals, interfaces, potentials, simulations
from seicampaign.structures import match

if TYPE_CHECKING:
    from seicampaign.campaign.campaign import Campaign
    from seicampaign.md.potentials import LammpsPotential
    from seicampaign.mtp import Potential
    from seicampaign.store import CampaignStore


WARNING = 240
"""Characters of the line that names what an unapproved potential has failed."""
KEPT_SPECS = 20
BATCH = 250
"""Workflows that are made and added at a time, which bounds the memory of a large campaign."""


@dataclass(frozen=True)
class LaunchReport:
    """What a launch did.

    Attributes
    ----------
    new, extended, unchanged
        Simulations that were not known, were planned shorter, and were there already.
    workflows
        Workflows added to the LaunchPad by this call.
    warning
        In one line, that the potential is not approved and why; None where it is.
    edited
        What changed since an earlier launch under this name, and what that means; None if nothing.
    """

    new: int
    extended: int
    unchanged: int
    workflows: int
    warning: str | None = None
    edited: str | None = None

    def __str__(self) -> str:
        return f"{self.new} new, {self.extended} extended, {self.unchanged} unchanged"


def launch(campaign: Campaign, store: CampaignStore) -> LaunchReport:
    """Register a campaign's simulations and add workflows for what no workflow covers yet."""
    members = {simulation.id: simulation for simulation in campaign.simulations()}
    potential = campaign.load_potential()
    approved, warning = _require_approval(campaign, store, potential)
    _require_contacts(store, members.values())
    registered, edited = register(campaign, store, list(members.values()))
    approvals.mark(store, potential.hash, approved)
    _build_from_files(store, members.values())
    token, mine = simulations.claim(store, members)
    try:
        for start in range(0, len(mine), BATCH):
            batch = mine[start : start + BATCH]
            _add_workflows(store, campaign.name, [members[key] for key in batch])
            simulations.confirm(store, token, batch)
    except BaseException:
        simulations.release(store, token)
        raise
    return LaunchReport(
        registered.new, registered.extended, registered.unchanged, len(mine), warning, edited
    )


def register(
    campaign: Campaign, store: CampaignStore, members: Sequence[Simulation]
) -> tuple[simulations.Registered, str | None]:
    """Store a campaign, its potential and its simulations, but no workflow.

    Returns
    -------
    Registered
        How many simulations were new.
    str or None
        What changed since an earlier launch under this name.
    """
    potentials.save(store, campaign.load_potential())
    registered = simulations.register(
        store, campaign.name, members, campaign.lengths(), campaign.sampling
    )
    return registered, _save_campaign(campaign, store, [s.id for s in members])


def _require_approval(
    campaign: Campaign, store: CampaignStore, potential: Potential | LammpsPotential
) -> tuple[bool, str | None]:
    """Refuse a potential that has not passed its tests, unless the campaign takes it as it is."""
    approved, reason = approvals.of_potential(store, potential)
    if approved:
        return True, None
    said = f"Potential {potential.name!r} is not approved: {reason}."
    if not campaign.allow_unapproved:
        raise CampaignError(
            f"{said} `seicampaign potential test` runs its tests. To run campaign "
            f"{campaign.name!r} all the same, say `allow_unapproved: true` in it: its curves and "
            "tables will then say so."
        )
    return False, shorten(said, WARNING, placeholder=" ...")


def _require_contacts(store: CampaignStore, members: Iterable[Simulation]) -> None:
    """Refuse a strain over its bound now, rather than in a job later on."""
    specs = {s.interface_id: s.interface for s in members}
    built = store.database["interfaces"].distinct("_id", {"_id": {"$in": list(specs)}})
    for key in specs.keys() - set(built):
        match(specs[key])


def _save_campaign(campaign: Campaign, store: CampaignStore, members: list[str]) -> str | None:
    """Store what is declared now, and what was before it; say what changed."""
    now, spec = datetime.now(UTC), campaign.model_dump(mode="json")
    before = store.database["campaigns"].find_one({"_id": campaign.name})
    edited = None if before is None else _difference(before, spec, members)
    earlier = [] if edited is None or before is None else [_earlier(before)]
    store.database["campaigns"].update_one(
        {"_id": campaign.name},
        {
            "$set": {
                "name": campaign.name,
                "schema_version": SCHEMA_VERSION,
                "spec": spec,
                "simulations": members,
                "last_updated": now,
            },
            "$setOnInsert": {"created_at": now},
            "$push": {"history": {"$each": earlier, "$slice": -KEPT_SPECS}},
        },
        upsert=True,
    )
    return edited


def _earlier(before: dict[str, Any]) -> dict[str, Any]:
    return {"spec": before["spec"], "until": datetime.now(UTC)}


def _difference(before: dict[str, Any], spec: dict[str, Any], members: list[str]) -> str | None:
    """What an edited campaign changes, and what it leaves as it is."""
    keys = sorted(key for key in spec | before["spec"] if spec.get(key) != before["spec"].get(key))
    if not keys:
        return None
    gone = len(set(before["simulations"]) - set(members))
    text = f"Edited since its last launch: {', '.join(keys)}."
    if gone:
        text += (
            f" Simulations no longer in it: {gone}, which keep what they have and go on; "
            "`seicampaign cancel` ends what is not wanted."
        )
    if "sampling" in keys:
        text += " The new sampling is that of new simulations only."
    if "length" in keys:
        text += " Longer simulations go on; none is made shorter."
    return text


def _build_from_files(store: CampaignStore, members: Iterable[Simulation]) -> None:
    """Build here what needs a file of the user's: a worker elsewhere does not have it."""
    specs = {s.interface_id: s.interface for s in members}
    for key, spec in specs.items():
        if any(name.lower().endswith(".cif") for name in (spec.electrolyte, spec.anode)):
            interfaces.build(store, spec, key)


def _add_workflows(store: CampaignStore, campaign: str, members: list[Simulation]) -> None:
    from jobflow.managers.fireworks import flow_to_workflow

    from seicampaign.flows import SimulationFlowMaker

    maker = SimulationFlowMaker()
    workflows = []
    for simulation in members:
        metadata = {"campaign": campaign, "simulation": simulation.id}
        workflows.append(flow_to_workflow(maker.make(simulation), metadata=metadata))
    with redirect_stderr(StringIO()):  # FireWorks draws a progress bar of its own
        store.launchpad().bulk_add_wfs(workflows)
