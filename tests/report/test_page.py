"""The report of a campaign, opened in a real browser."""

import json

import pytest

from seicampaign.errors import CampaignError
from seicampaign.report import write_report

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
