"""The job that tests a potential: real tests, shortened, into the real database."""

import pytest
from jobflow import run_locally

from seicampaign.jobs.approval import PotentialTestMaker
from seicampaign.mtp import load_potential
from seicampaign.store import approvals, potentials


@pytest.mark.slow
def test_the_approval_and_its_figure_are_stored_with_the_potential(store, tmp_path, monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", store.name)
    monkeypatch.setattr("seicampaign.approval.run.QUICK", 0.005)
    shipped = load_potential("LiPSCl-level8")
    potentials.save(store, shipped)
    work = PotentialTestMaker(quick=True).make(shipped.hash)
    output = run_locally(work, root_dir=tmp_path, ensure_success=True)[work.uuid][1].output
    kept = approvals.find(store, shipped.hash)
    assert output["approved"] is kept.approved is False
    assert kept.results and not kept.complete
    assert store.potentials.query_one({"hash": shipped.hash})["approved"] is False
