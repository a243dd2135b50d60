"""A small run of scripts/chaos: workers, the database and tend are killed, nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[2] / "scripts" / "chaos"


@pytest.mark.slow
def test_a_campaign_survives_kills(tmp_path):
    """Segments take seconds, so that none of the kills comes after the end."""
    small = ["--simulations=6", "--workers=2", "--segment-seconds=4", "--every=8", "--nice=0"]
    done = subprocess.run([sys.executable, CHAOS, *small], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["kills survived"] >= 2
    assert result["complete"] == 6
    # 12; more after a SIGTERM, and a kill just before a segment's record loses that record alone
    assert result["segments"] + result["kills survived"] >= 12
    for what in ("frames lost", "frames doubled", "frames wrong", "curves wrong"):
        assert result[what] == 0
