"""`seicampaign import` as typed."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("seicampaign")
DUMP = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 9
0 9
0 9
ITEM: ATOMS id type x y z
2 2 1 1 {step}e-3
1 1 0 0 0
"""
KNOWN = ["--electrolyte", "a sulfide", "--temperature", "300", "--timestep", "1"]


def command(*arguments):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def call(*arguments):
    return command("import", *arguments)


def test_a_dump_is_imported_once(store, tmp_path):
    file = tmp_path / "Old.dump"
    file.write_text("".join(DUMP.format(step=step) for step in (0, 100, 200)))
    first = call(file, *KNOWN, "--elements", "Li,S")
    assert "3 frames, 3 of them new, to 0.2 ps" in first.stdout
    assert "Positions were wrapped" in first.stdout
    assert "Not analysed: " in first.stdout and "no P" in first.stdout
    assert "3 frames, 0 of them new" in call(file, *KNOWN, "--elements", "Li S").stdout
    (document,) = store.simulations.query()
    assert store.trajectory(document["simulation_id"]).times.tolist() == [0, 0.1, 0.2]


@pytest.mark.slow
def test_what_cannot_be_imported_is_one_sentence(store, tmp_path):
    file = tmp_path / "Old.dump"
    file.write_text(DUMP.format(step=100) + DUMP.format(step=0))
    with gzip.open(tmp_path / "log.gz", "wb") as log:
        log.write(b"Step Temp\n" + b"0 300\n" * 9999)
    whole = (tmp_path / "log.gz").read_bytes()
    (tmp_path / "log.gz").write_bytes(whole[: len(whole) // 2])
    for arguments, message in [
        ([file, *KNOWN, "--log", tmp_path / "log.gz"], "log.gz is damaged or cut off"),
        ([file, *KNOWN, "--temperature", "inf"], "--temperature: Input should be a finite number"),
        ([file, *KNOWN, "--elements", "Li S"], "Frame 2 of Old.dump (step 0) goes back in time"),
        ([file, *KNOWN], "name the element of each type"),
        ([file, *KNOWN, "--campaign", "none"], "Unknown campaign 'none'"),
        ([file, *KNOWN, "--temperature", "-3"], "--temperature: Input should be greater than 0"),
    ]:
        failed = call(*arguments)
        assert failed.returncode == 1
        assert message in failed.stderr and "Traceback" not in failed.stderr
    assert store.simulations.count() == 0


@pytest.mark.slow
def test_imported_runs_are_listed_and_taken_back(store, tmp_path):
    file = tmp_path / "Old.dump"
    file.write_text("".join(DUMP.format(step=step) for step in (0, 100, 200)))
    assert "Imported runs: nothing yet." in command("imported").stdout
    call(file, *KNOWN, "--elements", "Li S", "--name", "of 2023")
    identity = store.simulations.query_one()["simulation_id"]
    listed = command("imported").stdout
    twin = call(file, *KNOWN, "--elements", "Li S").stdout
    assert f"same positions as {identity}" in twin
    assert "taken back" in command("imported", "--remove", twin.split(":")[0]).stdout
    assert all(text in listed for text in (identity, "of 2023", "a sulfide", "Old.dump", "0.2"))
    assert "a sulfide|Li 300 K" in command("why", identity).stdout  # no more is known of it
    unknown = command("imported", "--campaign", "another")
    assert unknown.returncode == 1 and "Unknown campaign 'another'" in unknown.stderr
    assert "taken back" in command("imported", "--remove", identity).stdout
    assert store.simulations.count() == 0
    again = command("imported", "--remove", identity)
    assert again.returncode == 1 and "`seicampaign imported` lists" in again.stderr
