"""The templates for queues: whole, filled in by FireWorks, and at work in a real Slurm."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from string import Template

import pytest

from seicampaign import Campaign
from seicampaign.campaign.status import campaign_status
from seicampaign.recovery import tend

ROOT = Path(__file__).parents[2]
QUEUES = ROOT / "stores" / "queues"
CATEGORIES = ("md", "training", "labelling", "analysis")
ENVIRONMENT = Path(sys.executable).parents[1]


def fill(folder, **words):
    words = {
        "CONFIG": folder,
        "CORES": 1,
        "ENVIRONMENT": ENVIRONMENT,
        "PARTITION": "main",
        "WALLTIME": "00:10:00",
        "WORKER": "node",
    } | words
    for path in QUEUES.iterdir():
        (folder / path.name).write_text(Template(path.read_text()).safe_substitute(words))


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_script_asks_for_what_the_template_says(tmp_path, kind, category):
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    fill(tmp_path)
    script = CommonAdapter.from_file(str(tmp_path / f"{category}.{kind}.yaml")).get_script_str("/")
    marks = {"slurm": "#SBATCH --time=0", "pbs": "walltime=0"}
    assert marks[kind] in script
    assert f"-w {tmp_path}/{category}.worker.yaml" in script
    assert "${" not in script
    if kind == "pbs":  # PBS itself does not tell its jobs
        assert "export SEICAMPAIGN_WALLTIME=0" in script


def test_each_job_has_one_category(store, tmp_path):
    from fireworks import FWorker

    fill(tmp_path)
    taken = {
        "md segment": "md",
        "fit": "training",
        "fit committee A": "training",
        "label": "labelling",
        "GPAW static": "labelling",
        "analysis": "analysis",
        "interface": "analysis",
        "active learning x": "analysis",
    }
    jobs = store.database["fireworks"]
    for number, name in enumerate(taken):
        jobs.insert_one({"fw_id": number, "name": name, "state": "READY", "spec": {}})
    workers = {c: FWorker.from_file(str(tmp_path / f"{c}.worker.yaml")).query for c in CATEGORIES}
    for name, category in taken.items():
        named = [
            c for c, q in workers.items() if jobs.count_documents({"$and": [q, {"name": name}]})
        ]
        assert named == [category], name


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A real Slurm of one node."""
    if os.geteuid() != 0:
        pytest.skip("only root can start slurmd")
    if not all(shutil.which(name) for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        pytest.skip("Slurm is not installed (Debian: apt-get install slurm-wlm munge)")
    folder = Path(f"/tmp/slurm-{os.getpid()}")
    start = [ROOT / "scripts" / "slurm-up", folder, "4"]
    subprocess.run(start, check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        yield folder
        subprocess.run(["scancel", "-u", "root"], check=False)
        time.sleep(1)
        subprocess.run([ROOT / "scripts" / "slurm-up", folder, "--stop"], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_campaign_through_qlaunch_and_slurm(store, slurm, tmp_path):
    """Segments are reserved, one job of the queue each; the rest shares jobs, as in the docs."""
    campaign = Campaign(
        name="queued",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300],
        length=0.2,
        allow_unapproved=True,
        interface={"electrolyte_thickness": 12, "anode_thickness": 12},
        sampling={"frame_interval": 0.05, "segment": 0.1, "grade": None},
    )
    keys = [simulation.id for simulation in campaign.simulations()]
    campaign.launch(store)
    store.write_config(tmp_path)
    with (tmp_path / "FW_config.yaml").open("a") as file:
        file.write("QUEUE_UPDATE_INTERVAL: 1\n")
    fill(tmp_path)
    environment = os.environ | {
        "FW_CONFIG_FILE": str(tmp_path / "FW_config.yaml"),
        "JOBFLOW_CONFIG_FILE": str(tmp_path / "jobflow.yaml"),
        "PYTHONPATH": str(ROOT),
    }

    def submit(category, *how):
        """Keep two jobs of a category in the queue for as long as there is something to do."""
        files = ["-q", tmp_path / f"{category}.slurm.yaml"]
        files += ["-w", tmp_path / f"{category}.worker.yaml"]
        command = [ENVIRONMENT / "bin" / "qlaunch", "-c", tmp_path, *files, *how, "rapidfire"]
        words = [*map(str, command), "-m", "2", "--nlaunches", "infinite", "--sleep", "1"]
        return subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=-3, stderr=-3)

    submitting = [submit("md", "-r"), submit("analysis")]
    end = time.monotonic() + 3600
    try:
        while not campaign_status(store, "queued").finished:
            assert time.monotonic() < end, "the queue did not finish the campaign"
            assert not [action for action in tend(store).actions if action.person]
            time.sleep(1)
    finally:
        for process in submitting:
            process.kill()
            process.wait()
    for key in keys:
        assert store.trajectory(key).steps.tolist() == [0, 50, 100, 150, 200]
    assert store.database["segments"].count_documents({}) == 2
