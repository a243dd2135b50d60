"""The report of a campaign, opened in a real browser."""

import json
import shutil

import numpy as np
import pytest

from seicampaign.campaign import Campaign
from seicampaign.errors import CampaignError
from seicampaign.report import write_report
from seicampaign.structures import build_interface

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
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


def opened(browser, page):
    browser.get(page.as_uri())
    return browser


def errors(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_curves_are_drawn_and_the_slider_moves_the_snapshots(browser, grown, store, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    plot = page.find_element(By.CSS_SELECTOR, ".plot[data-plot=growth]")
    page.execute_script("arguments[0].scrollIntoView()", plot)
    WebDriverWait(page, 30).until(
        lambda _: plot.find_elements(By.CSS_SELECTOR, ".scatterlayer .js-line")
    )
    assert "crystalline" in plot.text

    slides = page.find_element(By.CSS_SELECTOR, ".slides")
    image, slider = (slides.find_element(By.TAG_NAME, tag) for tag in ("img", "input"))
    output = slides.find_element(By.TAG_NAME, "output")
    first = image.get_attribute("src")
    assert first.startswith("data:image/webp")
    assert output.text == "0 ps"
    slider.send_keys(Keys.END)
    assert output.text == "3 ps"
    assert image.get_attribute("src") != first
    assert int(image.get_attribute("naturalWidth")) > 500
    assert errors(browser) == []


def test_numbers_have_intervals_and_lead_to_their_documents(browser, grown, store, tmp_path):
    from selenium.webdriver.common.by import By

    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    rows = page.find_elements(By.CSS_SELECTOR, "#summary-table tr")
    assert "(2 seeds)" in rows[1].text
    assert "no curves yet" in rows[2].text
    link = rows[1].find_element(By.TAG_NAME, "a")
    link.click()
    (document,) = page.find_elements(By.CSS_SELECTOR, "details[open]")
    stored = json.loads(document.find_element(By.TAG_NAME, "pre").text)
    assert stored == json.loads(
        json.dumps(store.electrolytes.query_one({"electrolyte": "Li6PS5Cl"}), default=str)
    ) | {"_id": stored["_id"]}


def test_html_in_names_is_shown_and_not_run(browser, grown, store, tmp_path):
    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    assert "<img src=x onerror=alert(1)> & friends" in page.find_element("tag name", "body").text
    assert errors(browser) == []


def test_a_campaign_with_nothing_finished_says_so(browser, campaign, store, tmp_path):
    page = opened(browser, write_report(store, "pair", tmp_path / "empty.html"))
    body = page.find_element("tag name", "body").text
    assert "4 of 4 simulations are not complete." in body
    assert "No curves yet: Li6PS5Cl, Li7PS6." in body
    assert errors(browser) == []


def test_a_torn_trajectory_leaves_the_curves(grown, store, tmp_path):
    (key,) = store.database.trajectories.distinct("_id")
    store.database.trajectory_chunks.delete_many({"_id": {"$regex": f"^{key}/.*position"}})
    text = write_report(store, "pair", tmp_path / "torn.html").read_text()
    assert "No snapshots" in text
    assert 'data-plot="growth"' in text


def test_an_unknown_campaign_is_named(store, tmp_path):
    with pytest.raises(CampaignError, match="Unknown campaign 'none'"):
        write_report(store, "none", tmp_path / "none.html")
