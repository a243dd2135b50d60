"""A campaign to show on pages, and the real browser they are opened in: fixtures of two floors."""

import shutil

import numpy as np
import pytest

from seicampaign.campaign import Campaign
from seicampaign.structures import build_interface

CAMPAIGN = """\
name: pair
description: "<img src=x onerror=alert(1)> & friends"
electrolytes: [Li6PS5Cl, Li7PS6]
temperatures: [400]
seeds: [1, 2]
length: 60
allow_unapproved: true
interface: {electrolyte_thickness: 25, anode_thickness: 25}
"""


@pytest.fixture
def campaign(store, tmp_path):
    """Launched, as far as the page is concerned; nothing has run."""
    (tmp_path / "pair.yaml").write_text(CAMPAIGN)
    found = Campaign.from_file(tmp_path / "pair.yaml")
    found.launch(store)
    return found


@pytest.fixture
def grown(campaign, store):
    """Two seeds of the first electrolyte with curves, and one trajectory of four frames."""
    own = [s for s in campaign.simulations() if s.electrolyte == "Li6PS5Cl"]
    times = np.arange(60.0)
    for simulation in own:
        rng = np.random.default_rng(simulation.seed)
        reduced = 0.1 * np.log1p(times) + 0.002 * rng.normal(size=60)
        crystal = np.clip(0.004 * (times - 20), 0, None)
        curves = {
            "reduction_degree": reduced,
            "crystalline_fraction": crystal,
            "amorphous_fraction": reduced - crystal,
            "residual_electrolyte": 1 - reduced,
            "residual_metal": 0.5 - 0.1 * reduced,
            "sei_thickness": np.sqrt(times + 0.1),
            **{f"ps{n}": np.full(60, 0.2) for n in range(5)},
        }
        store.append_curves(simulation.id, curves, (times * 1000).astype(int), times, "analysis")
    atoms = build_interface(own[0].interface)
    rng = np.random.default_rng(0)
    with store.trajectory_writer(own[0].id, atoms.numbers) as writer:
        for n in range(4):
            moved = atoms.positions + 0.04 * n * rng.normal(size=atoms.positions.shape)
            writer.append(n * 1000, float(n), moved, atoms.cell.array)
    return campaign


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from selenium import webdriver

    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("chromium and chromedriver are not installed: apt-get install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()
