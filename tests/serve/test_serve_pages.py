"""The pages of the server in a real browser: drawn, followed, and ended by Ctrl-C."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from seicampaign.serve import create_app
from seicampaign.serve.run import _listen

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("seicampaign")


@pytest.fixture
def address(store, browser):
    """A server of this process, at a free port; the page is left before it ends."""
    import uvicorn

    config = uvicorn.Config(create_app(store), port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    running = threading.Thread(target=server.run)
    running.start()
    while not server.started:
        assert running.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    browser.get("about:blank")
    browser.get_log("browser")
    server.should_exit = True
    running.join()


@pytest.fixture
def own(grown):
    """Ids of the two seeds that have curves; the first has a trajectory."""
    return [s.id for s in grown.simulations() if s.electrolyte == "Li6PS5Cl"]


def wait(browser, condition):
    from selenium.common.exceptions import StaleElementReferenceException as Replaced
    from selenium.webdriver.support.ui import WebDriverWait

    # A live page puts new elements in the place of old ones.
    patient = WebDriverWait(browser, 60, ignored_exceptions=[Replaced])
    return patient.until(lambda _: condition())


def one(browser, selector):
    return browser.find_element("css selector", selector)


def drawn(browser, selector):
    """A plot, scrolled to, once it is drawn."""
    plot = one(browser, selector)
    browser.execute_script("arguments[0].scrollIntoView()", plot)
    wait(browser, lambda: plot.find_elements("css selector", ".scatterlayer .js-line"))
    return plot


def errors(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def longer(store, simulation_id, until):
    times = np.arange(60.0, until)
    curves = {n: np.full(len(times), 0.5) for n in ("reduction_degree", "crystalline_fraction")}
    store.append_curves(simulation_id, curves, (times * 1000).astype(int), times, "analysis")


def test_a_way_from_the_campaigns_to_a_simulation(browser, address, own):
    browser.get(address)
    browser.find_element("link text", "pair").click()
    wait(browser, lambda: len(browser.find_elements("css selector", "#simulations tr")) == 5)
    assert "crystalline" in drawn(browser, ".plot").text
    link = one(browser, f"a[href='/simulations/{own[0]}']")
    link.click()
    wait(browser, lambda: one(browser, ".slides img").get_attribute("naturalWidth") not in ("0",))
    drawn(browser, ".plot[data-plot*=growth]")
    one(browser, "details summary").click()
    assert '"temperature": 400' in one(browser, "details pre").text
    assert errors(browser) == []


def test_a_curve_grows_while_the_page_is_open(browser, address, store, own):
    browser.get(f"{address}/simulations/{own[1]}")
    plot = drawn(browser, ".plot[data-plot*=growth]")
    assert plot.get_attribute("data-points") == "60"
    longer(store, own[1], 90)
    wait(browser, lambda: plot.get_attribute("data-points") == "90")
    assert errors(browser) == []


def test_the_table_follows_a_simulation(browser, address, store, own):
    browser.get(f"{address}/campaigns/pair")
    assert "4 waiting" in one(browser, "[data-live]").text
    store.database.simulations.update_one(
        {"_id": own[0]}, {"$set": {"state": "running", "steps_done": 30_000}}
    )
    wait(browser, lambda: "1 running" in one(browser, "[data-live]").text)
    wait(browser, lambda: "0.03 of 0.24" in one(browser, "[data-live]").text)


def test_the_slider_moves_over_the_stored_frames_and_follows_new_ones(
    browser, address, store, grown, own
):
    from selenium.webdriver.common.keys import Keys

    browser.get(f"{address}/simulations/{own[0]}")
    image, slider, output = (one(browser, f".slides {tag}") for tag in ("img", "input", "output"))
    wait(browser, lambda: output.text.startswith("3 ps"))
    wait(browser, lambda: image.get_attribute("src"))
    last = image.get_attribute("src")
    slider.send_keys(Keys.HOME)
    wait(browser, lambda: image.get_attribute("src") != last)
    assert output.text.startswith("0 ps")
    wait(browser, lambda: image.get_property("complete") and image.get_property("naturalWidth"))
    assert image.get_property("naturalWidth") > 500

    slider.send_keys(Keys.END)
    frame = store.trajectory(own[0]).frame(3)
    with store.trajectory_writer(own[0]) as writer:
        writer.append(4000, 4.0, frame.positions, frame.cell.array)
    wait(browser, lambda: output.text.startswith("4 ps"))
    assert errors(browser) == []


def test_the_comparison_draws_the_curve_that_is_chosen(browser, address, own):
    from selenium.webdriver.support.ui import Select

    browser.get(f"{address}/comparison?campaign=pair")
    wait(browser, lambda: "Li6PS5Cl | Li" in one(browser, "#comparison").text)
    plot = drawn(browser, "#aligned")
    assert "reduced share" in plot.text
    Select(one(browser, "select")).select_by_value("sei_thickness")
    wait(browser, lambda: "thickness of the interphase" in plot.text)
    assert errors(browser) == []


def test_html_in_names_is_shown_and_not_run(browser, address, store, own):
    name = "<img src=x onerror=alert(1)>"
    store.database.simulations.update_many({}, {"$set": {"electrolyte": name}})
    for path in ("/", "/campaigns/pair", "/comparison", f"/simulations/{own[0]}"):
        browser.get(address + path)
        assert name in one(browser, "body").text
        assert not browser.find_elements("css selector", "img[src=x]")
    drawn(browser, ".plot[data-plot*=growth]")
    assert errors(browser) == []


def test_a_server_that_ends_is_named_and_found_again(browser, address, own):
    browser.get(f"{address}/campaigns/pair")
    trouble = one(browser, "#trouble")
    browser.execute_script("window.real = window.fetch; window.fetch = () => Promise.reject('x')")
    wait(browser, trouble.is_displayed)
    browser.execute_script("window.fetch = window.real")
    wait(browser, lambda: not trouble.is_displayed())


@pytest.fixture
def command(mongo_home, store, monkeypatch):
    """`seicampaign serve` as typed; ended if the test did not."""
    monkeypatch.setenv("SEICAMPAIGN_DATABASE", store.name)
    running = []

    def start(*arguments):
        words = [COMMAND, "serve", "--port", "0", *arguments]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True))
        return running[-1], running[-1].stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_ctrl_c_ends_it_while_a_page_is_open(browser, command, campaign):
    server, address = command()
    assert address.startswith("http://127.0.0.1:")
    browser.get(address)
    assert "pair" in one(browser, "body").text
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=60)
    assert server.returncode == 0
    assert said == "Ended.\n"


def test_elsewhere_than_on_loopback_it_wants_the_token_it_printed(browser, command, campaign):
    server, address = command("--host", "0.0.0.0")
    host, token = address.partition("?token=")[::2]
    local = f"http://127.0.0.1:{host.rstrip('/').rpartition(':')[2]}/"
    browser.get(local)
    assert "wants a token" in one(browser, "body").text
    browser.get(f"{local}?token={token}")
    assert "pair" in one(browser, "body").text
    assert "token" not in browser.current_url
    with urlopen(Request(local, headers={"Authorization": f"Bearer {token}"})) as answer:
        assert answer.status == 200
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=60) == 0


def test_a_port_that_is_taken_is_named(command, campaign):
    _, address = command()
    port = address.rstrip("/").rpartition(":")[2]
    second, _ = command("--port", port)
    assert second.wait(timeout=60) == 1
    assert f"127.0.0.1 port {port} cannot be listened on" in second.stderr.read()


def test_a_connection_sends_what_it_has_at_once():
    """Else the body of an answer waits 40 ms for the client to have acknowledged its headers."""
    with (
        _listen("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
