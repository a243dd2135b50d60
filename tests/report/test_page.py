"""The report of a campaign, opened in a real browser."""

import json

import numpy as np
import pytest

from seicampaign.campaign import Campaign
from seicampaign.documents import Sampling
from seicampaign.errors import CampaignError
from seicampaign.report import write_report
from seicampaign.store import simulations

pytestmark = pytest.mark.slow


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
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    rows = page.find_elements(By.CSS_SELECTOR, "#summary-table tr")
    assert "(2 seeds)" in rows[1].text
    assert "no curves yet" in rows[2].text
    link = rows[1].find_element(By.TAG_NAME, "a")
    link.click()
    (document,) = WebDriverWait(page, 30).until(  # the event of the new address comes later
        lambda _: page.find_elements(By.CSS_SELECTOR, "details[open]")
    )
    stored = json.loads(document.find_element(By.TAG_NAME, "pre").text)
    assert stored == json.loads(
        json.dumps(store.electrolytes.query_one({"electrolyte": "Li6PS5Cl"}), default=str)
    ) | {"_id": stored["_id"]}


def test_time_can_be_read_as_its_logarithm_or_its_square_root(browser, grown, store, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    plot = page.find_element(By.CSS_SELECTOR, '.plot[data-plot="growth"]')
    page.execute_script("arguments[0].scrollIntoView()", plot)
    axis = Select(page.find_element(By.CSS_SELECTOR, 'select.axis[data-group="0"]'))

    def seen(expression):
        return page.execute_script(f"return arguments[0].{expression}", plot)

    WebDriverWait(page, 30).until(lambda _: seen("classList.contains('js-plotly-plot')"))
    axis.select_by_value("log")
    WebDriverWait(page, 30).until(lambda _: seen("layout.xaxis.type") == "log")
    axis.select_by_value("root")
    WebDriverWait(page, 30).until(lambda _: "√ps" in seen("layout.xaxis.title.text"))
    assert seen("data[0].x.at(-1)") == pytest.approx(59**0.5)
    assert errors(browser) == []


def test_nothing_offers_to_send_the_figures_away(browser, grown, store, tmp_path):
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    page.execute_script("document.querySelector('.plot').scrollIntoView()")
    buttons = "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)"
    WebDriverWait(page, 30).until(lambda _: page.execute_script(buttons))
    titles = page.execute_script(buttons)
    assert "Download plot as a PNG" in titles
    assert not any("Share" in title or "Cloud" in title for title in titles)


def test_a_narrow_window_is_not_overrun(browser, grown, store, tmp_path):
    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    size = page.get_window_size()
    page.set_window_size(500, 900)
    try:
        widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
        content, window = page.execute_script(widths)
        assert content <= window
    finally:
        page.set_window_size(size["width"], size["height"])


def test_transport_and_shares_are_told_of_every_condition(grown, store, tmp_path):
    own = [s for s in grown.simulations() if s.electrolyte == "Li6PS5Cl"]
    for simulation, value in zip(own, (2e-6, 4e-6), strict=True):
        times = np.arange(20.0)
        values = {"diffusivity_sei": np.full(20, value), "grade_max": np.full(20, value * 1e6)}
        steps = (times * 1000).astype(int)
        store.append_curves(simulation.id, values, steps, times, "analysis")
    text = write_report(store, "pair", tmp_path / "pair.html").read_text()
    assert "D of Li in the interphase (cm²/s)" in text
    assert "3e-06 [-9.71e-06, 1.57e-05] (2 seeds)" in text
    assert "crystalline share at 10 ns" in text
    assert "The potential extrapolates (grade over 2) in Li6PS5Cl" in text


def test_provenance_names_tests_and_labels_of_the_potential(grown, store, tmp_path):
    text = write_report(store, "pair", tmp_path / "pair.html").read_text()
    assert "configurations of LiPSCl.extxyz.gz (SHA-256" in text
    assert "tests failed (" in text or "tests passed" in text
    assert "meV/atom" in text


def test_conditions_are_compared_in_one_plot_and_ranked(store, tmp_path):
    found = registered(
        store, "two", electrolytes=["Li6PS5Cl", "Li7PS6"], temperatures=[400], seeds=[1, 2]
    )
    short_curves(store, found)
    text = write_report(store, "two", tmp_path / "two.html").read_text()
    assert 'data-group="comparison" data-plot="sei_thickness"' in text
    assert "Ranked by: interphase (Å)" in text
    assert "half reduced (ps), smallest first" not in text  # none got there


def test_html_in_names_is_shown_and_not_run(browser, grown, store, tmp_path):
    page = opened(browser, write_report(store, "pair", tmp_path / "pair.html"))
    assert "<img src=x onerror=alert(1)> & friends" in page.find_element("tag name", "body").text
    assert errors(browser) == []


def test_a_campaign_with_nothing_finished_says_so(browser, campaign, store, tmp_path):
    page = opened(browser, write_report(store, "pair", tmp_path / "empty.html"))
    body = page.find_element("tag name", "body").text
    assert "4 of 4 simulations are not complete." in body
    assert "No curves yet: Li6PS5Cl; Li7PS6." in body
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


def registered(store, name, **matrix):
    """A campaign as a launch leaves it, without its workflows."""
    found = Campaign(name=name, length=20, allow_unapproved=True, **matrix).simulations()
    lengths = dict.fromkeys((s.id for s in found), 20_000)
    simulations.register(store, name, found, lengths, Sampling())
    ids = [s.id for s in found]
    store.database.campaigns.insert_one({"_id": name, "name": name, "spec": {}, "simulations": ids})
    return found


def short_curves(store, found, analysis="analysis"):
    """Too few points for a law, so that a thousand are summarised in seconds."""
    times = np.arange(15.0)
    for simulation in found:
        rng = np.random.default_rng(simulation.seed)
        names = ("reduction_degree", "crystalline_fraction", "amorphous_fraction", "sei_thickness")
        curves = {name: 0.01 * times + 0.001 * rng.normal(size=15) for name in names}
        store.append_curves(simulation.id, curves, (times * 1000).astype(int), times, analysis)


ELECTROLYTES = ["Li6PS5Cl", "Li7PS6", "beta-Li3PS4", "Li5.5PS4.5Cl1.5", "Li6PS5Cl-disordered"]


@pytest.mark.parametrize(
    ("temperatures", "seeds", "drawn"),
    [(list(range(300, 320)), list(range(1, 11)), 60), (list(range(300, 500)), [1], 60)],
    ids=["many seeds", "many conditions"],
)
def test_a_thousand_simulations_are_one_page_of_bounded_size(
    store, tmp_path, temperatures, seeds, drawn
):
    found = registered(
        store, "large", electrolytes=ELECTROLYTES, temperatures=temperatures, seeds=seeds
    )
    assert len(found) == 1000
    short_curves(store, found)
    page = write_report(store, "large", tmp_path / "large.html")
    assert page.stat().st_size < 15e6
    text = page.read_text()
    assert text.count('data-plot="growth"') == drawn
    assert "Documents of the first 200 simulations" in text
    assert "And 800 more." in text
    summary = text[text.index('id="summary-table"') : text.index("</table>")]
    assert summary.count("<tr>") == 1 + len(ELECTROLYTES) * len(temperatures)


def test_curves_of_another_analysis_are_left_out_and_named(store, tmp_path):
    found = registered(
        store, "mixed", electrolytes=["Li6PS5Cl"], temperatures=[400], seeds=[1, 2, 3]
    )
    short_curves(store, found[:1], "older")
    short_curves(store, found[1:], "newer")
    text = write_report(store, "mixed", tmp_path / "mixed.html").read_text()
    assert "Seeds whose curves another analysis made are left out: Li6PS5Cl." in text
    assert "(2 seeds)" in text


def test_one_seed_has_no_interval_and_the_page_says_so(store, tmp_path):
    short_curves(
        store, registered(store, "one", electrolytes=["Li6PS5Cl"], temperatures=[400], seeds=[1])
    )
    text = write_report(store, "one", tmp_path / "one.html").read_text()
    assert "Where there is one seed only, there is no interval." in text
    assert "(one seed, no interval)" in text
