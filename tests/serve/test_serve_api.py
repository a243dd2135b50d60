"""The server as programs see it: what it answers, what it refuses, and that it only reads."""

import json
import re

import numpy as np
import pytest
from pymongo import monitoring
from starlette.routing import Mount
from starlette.testclient import TestClient

from seicampaign.campaign import Campaign
from seicampaign.serve import create_app
from seicampaign.store import CampaignStore
from seicampaign.store.fences import Fence

READING = {"find", "aggregate", "distinct", "getMore", "hello", "ismaster", "ping", "killCursors"}
READING |= {"endSessions"}
SECRET = "s3cret"


def client_of(store, **options):
    app = create_app(store, fresh=0, **options)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def client(store):
    with client_of(store) as opened:
        yield opened


@pytest.fixture
def own(grown):
    """Ids of the two seeds that have curves; the first has a trajectory."""
    return [s.id for s in grown.simulations() if s.electrolyte == "Li6PS5Cl"]


def addresses(simulation_id):
    """Every route of the server, filled in."""
    return [
        *("/", "/campaigns/pair", "/comparison", "/comparison?campaign=pair&temperature=400"),
        *(f"/simulations/{simulation_id}", f"/parts/simulation?simulation={simulation_id}"),
        *("/parts/campaigns", "/parts/campaign?campaign=pair", "/parts/comparison?campaign=pair"),
        *("/static/live.js", "/static/pages.css", "/static/style.css", "/static/plotly.js"),
        *("/api/openapi.json", "/api/campaigns", "/api/campaigns/pair?page=1&state=waiting"),
        *("/api/comparison?campaign=pair", "/api/electrolytes?campaign=pair"),
        *("/api/ranking?campaign=pair", "/api/aligned?campaign=pair&curve=sei_thickness"),
        *(f"/api/plots/{kind}?campaign=pair" for kind in ("growth", "census")),
        f"/api/plots/growth?simulation={simulation_id}",
        f"/api/simulations/{simulation_id}",
        f"/api/simulations/{simulation_id}/frames",
        f"/api/simulations/{simulation_id}/frames/2",
    ]


class Commands(monitoring.CommandListener):
    def __init__(self):
        self.seen = []

    def started(self, event):
        self.seen.append((event.command_name, event.command))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def test_nothing_but_reading_reaches_the_database(store, own):
    from pymongo import MongoClient

    listener = Commands()
    watched = CampaignStore(store.uri, store.name)
    watched._opened["client"] = MongoClient(store.uri, event_listeners=[listener])
    with client_of(watched) as client:
        for address in addresses(own[0]):
            assert client.get(address).status_code == 200, address
    watched.close()
    assert {name for name, _ in listener.seen} <= READING
    stages = {
        s for name, c in listener.seen if name == "aggregate" for p in c["pipeline"] for s in p
    }
    assert stages <= {"$match", "$group", "$unwind"}


def test_there_are_no_routes_but_get(store, client):
    def methods(routes):
        for route in routes:
            assert not isinstance(route, Mount)
            yield from getattr(route, "methods", None) or ()

    assert set(methods(create_app(store).routes)) <= {"GET", "HEAD"}
    described = client.get("/api/openapi.json").json()["paths"]
    assert len(described) > 8
    assert {method for path in described.values() for method in path} == {"get"}
    for method in ("post", "put", "patch", "delete"):
        for address in ("/", "/api/campaigns", "/campaigns/pair"):
            assert getattr(client, method)(address).status_code == 405


def test_campaigns_say_how_far_they_are(client, store, own):
    running = {"steps_done": 30_000, "state": "running", "ns_per_day": 5.0}
    store.database.simulations.update_one({"_id": own[0]}, {"$set": running})
    (found,) = client.get("/api/campaigns").json()["campaigns"]
    assert found["ns_per_day"] == 0  # between two segments
    Fence.take(store, own[0])
    (found,) = client.get("/api/campaigns").json()["campaigns"]
    assert found["name"] == "pair"
    assert found["states"] == {"running": 1, "waiting": 3}
    assert found["ns_done"] == pytest.approx(0.03)
    assert found["ns_planned"] == pytest.approx(0.24)
    assert found["ns_per_day"] == 5.0
    page = client.get("/api/campaigns/pair").json()
    assert page["total"] == 4
    assert page["pages"] == 1
    (running,) = client.get("/api/campaigns/pair?state=running").json()["simulations"]
    assert running["simulation_id"] == own[0]


def test_the_comparison_is_that_of_the_store(client, store, own):
    rows = client.get("/api/comparison?campaign=pair&time=20&time=40").json()["rows"]
    table = store.compare("pair", times=[20, 40])
    assert rows == json.loads(table.to_json(orient="records", double_precision=10))
    assert rows[0]["reduced@40ps"] == pytest.approx(0.1 * np.log(41), abs=0.01)
    assert client.get("/api/comparison?electrolyte=Li7PS6").json()["rows"] == []
    assert len(client.get("/api/comparison?temperature=400&supercell=1x1").json()["rows"]) == 1


def test_what_has_not_changed_is_not_sent_again(client, store, own):
    address = "/api/plots/growth?campaign=pair"
    first = client.get(address)
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(address, headers=tag).status_code == 304
    times = np.arange(60.0, 70.0)
    curve = {"reduction_degree": np.full(10, 0.6)}
    store.append_curves(own[0], curve, (times * 1000).astype(int), times, "analysis")
    again = client.get(address, headers=tag)
    assert again.status_code == 200
    ends = [max(trace["x"]) for trace in again.json()["data"]]
    assert max(ends) == 69.0


def test_a_curve_made_again_with_other_values_is_another_answer(client, store, own):
    first = client.get("/api/comparison?campaign=pair").content
    store.truncate_curves(own[0], 30_000)
    times = np.arange(31.0, 60.0)
    curves = {n: np.full(29, 0.9) for n in store.curves_of(own[0])}
    store.append_curves(own[0], curves, (times * 1000).astype(int), times, "analysis")
    assert client.get("/api/comparison?campaign=pair").content != first


@pytest.mark.parametrize(
    "query",
    [
        "temperature[$ne]=400",
        "temperature[]=400",
        'electrolyte={"$where": "sleep(1000)"}',
        'electrolyte={"$ne": null}',
        "$where=sleep(1000)",
        "electrolyte=$where",
        "spec.md=1",
        "campaign[$gt]=",
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/comparison", "/api/comparison", "/api/aligned", "/api/plots/growth", "/parts/campaign"],
)
def test_an_operator_is_refused_and_named(client, campaign, path, query):
    found = client.get(f"{path}?{query}")
    assert found.status_code == 400
    assert "looks like a database operator" in found.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("temprature=400", "Did you mean 'temperature'?"),
        ("temperature=hot", "temperature=hot is not a number of K"),
        ("temperature=nan", "temperature=nan is not a number of K"),
        ("supercell=3", "supercell=3 is not of the form 3x3"),
        ("campaign=pair&campaign=other", "campaign is given twice"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(client, campaign, query, said):
    found = client.get(f"/api/comparison?{query}")
    assert found.status_code == 400
    assert said in found.json()["detail"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/api/campaigns/pear", "Unknown campaign 'pear'. Did you mean 'pair'?"),
        ("/api/comparison?campaign=pear", "Did you mean 'pair'?"),
        ("/api/campaigns/pair?page=2", "There are 1 pages, and no page 2."),
        ("/api/campaigns/pair?state=runing", "Unknown state 'runing'."),
        ("/api/plots/grwth?campaign=pair", "Did you mean 'growth'?"),
        ("/api/simulations/xyz", "There is no simulation 'xyz' here."),
        ("/api/simulations/xyz/frames", "There is no simulation 'xyz' here."),
        ("/static/live.jss", "Did you mean 'live.js'?"),
    ],
)
def test_what_is_not_there_is_404_with_the_nearest_name(client, campaign, address, said):
    found = client.get(address)
    assert found.status_code == 404
    assert said in re.sub("&#39;", "'", found.text)


def test_the_beginning_of_an_id_leads_to_it(client, own):
    assert f"Did you mean {own[0]}?" in client.get(f"/simulations/{own[0][:8]}").text


def test_frames_are_pictures_and_a_missing_trajectory_says_so(client, own):
    found = client.get(f"/api/simulations/{own[0]}/frames").json()
    assert found["times"] == [0.0, 1.0, 2.0, 3.0]
    assert found["problem"] is None
    picture = client.get(f"/api/simulations/{own[0]}/frames/3")
    assert picture.headers["content-type"] == "image/webp"
    assert picture.content[:4] == b"RIFF"
    beyond = client.get(f"/api/simulations/{own[0]}/frames/4")
    assert beyond.status_code == 404
    assert "has 4 frames" in beyond.json()["detail"]
    without = client.get(f"/api/simulations/{own[1]}/frames").json()
    assert without["frames"] == 0
    assert without["problem"]
    assert client.get(f"/api/simulations/{own[1]}/frames/0").status_code == 404
    assert client.get(f"/api/simulations/{own[0]}/frames/last").status_code == 400


def test_a_database_without_campaigns_says_what_to_do(client):
    assert "seicampaign launch" in client.get("/").text
    assert client.get("/api/campaigns").json() == {"campaigns": []}
    assert "nothing to compare yet" in client.get("/comparison").text


def test_a_campaign_with_nothing_finished_says_so(client, campaign):
    assert "nothing to compare yet" in client.get("/comparison?campaign=pair").text
    assert client.get("/api/plots/growth?campaign=pair").json()["data"] == []
    assert "4 waiting" in client.get("/campaigns/pair").text


def test_one_seed_has_no_interval_and_the_page_says_so(client, store, own):
    assert "there is no interval" not in client.get("/comparison?campaign=pair").text
    store.database.curves.delete_many({"simulation_id": own[1]})
    assert "Where there is one seed, there is no interval." in (
        client.get("/comparison?campaign=pair").text
    )


def test_seeds_of_another_analysis_are_left_out_and_counted(client, store, own):
    curves = {name: curve.values for name, curve in store.curves_of(own[1]).items()}
    steps = store.curve(own[1], "reduction_degree").steps
    store.append_curves(own[1], curves, steps, steps / 1000, "other")
    plot = client.get("/api/plots/growth?campaign=pair").json()
    assert "1 seeds are left out" in plot["layout"]["annotations"][0]["text"]
    assert [row["seeds"] for row in client.get("/api/comparison").json()["rows"]] == [1, 1]
    assert "different analyses" in client.get("/comparison").text


def test_html_in_names_is_text(client, store, own):
    name = "<img src=x onerror=alert(1)>"
    store.database.campaigns.update_one({"_id": "pair"}, {"$set": {"spec.description": name}})
    store.database.simulations.update_many(
        {}, {"$set": {"electrolyte": name, "error": f"{name}\n", "potential.name": name}}
    )
    pages = ["/", "/campaigns/pair", "/comparison", f"/simulations/{own[0]}"]
    for address in pages:
        found = client.get(address)
        assert found.status_code == 200
        assert "<img src=x" not in found.text
        assert "&lt;img src=x" in found.text
        assert "default-src 'self'" in found.headers["content-security-policy"]
    assert "<img" not in client.get(f"/campaigns/{name}").text


def test_loopback_answers_to_its_own_names_alone(store):
    with client_of(store) as client:
        for host in ("localhost:8800", "127.0.0.1:8800", "[::1]:8800", "LOCALHOST"):
            assert client.get("/", headers={"Host": host}).status_code == 200
        for host in ("evil.example", "localhost.evil.example:8800", ""):
            assert client.get("/", headers={"Host": host}).status_code == 400


def test_without_the_token_nothing_is_told(store, campaign):
    with client_of(store, token=SECRET, hosts=None) as client:
        for address in ("/", "/api/campaigns", "/static/live.js", "/nowhere", "/?token=wrong"):
            found = client.get(address)
            assert found.status_code == 401, address
            assert "pair" not in found.text
            assert SECRET not in found.text
        wrong = {"Authorization": "Bearer s3cre"}
        assert client.get("/", headers=wrong).status_code == 401
        assert client.get("/", headers={"Authorization": "Bearer ééé".encode()}).status_code == 401
        right = {"Authorization": f"Bearer {SECRET}"}
        assert client.get("/api/campaigns", headers=right).status_code == 200


def test_the_address_with_the_token_opens_the_door_once(store, campaign):
    with client_of(store, token=SECRET, hosts=None) as client:
        first = client.get(f"/comparison?campaign=pair&token={SECRET}", follow_redirects=False)
        assert first.status_code == 303
        assert first.headers["location"] == "/comparison?campaign=pair"
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/comparison?campaign=pair").status_code == 200


def test_the_token_leads_nowhere_else(store):
    with client_of(store, token=SECRET, hosts=None) as client:
        found = client.get(
            f"http://localhost//evil.example/?token={SECRET}", follow_redirects=False
        )
        assert found.headers["location"] == "/evil.example/"


def test_no_page_shows_the_credentials_of_the_database(caplog):
    uri = f"mongodb://sei:{SECRET}@127.0.0.1:9/?serverSelectionTimeoutMS=50"
    with client_of(CampaignStore(uri, "work")) as client:
        for address in ("/", "/api/campaigns/pair", "/comparison", "/api/simulations/abc"):
            found = client.get(address)
            assert found.status_code == 503
            assert "cannot be read" in found.text
            assert SECRET not in found.text
    assert SECRET not in caplog.text


def test_an_error_of_the_server_tells_no_secret(client, campaign, monkeypatch):
    def broken(store):
        raise RuntimeError(f"mongodb://sei:{SECRET}@somewhere")

    monkeypatch.setattr("seicampaign.serve.contents.campaigns", broken)
    for address in ("/", "/api/campaigns"):
        found = client.get(address)
        assert found.status_code == 500
        assert SECRET not in found.text


def test_a_thousand_simulations_come_in_pages(client, store, tmp_path):
    electrolytes = ["Li6PS5Cl", "Li7PS6", "beta-Li3PS4", "Li5.5PS4.5Cl1.5", "Li6PS5Cl-disordered"]
    large = Campaign(
        name="large",
        electrolytes=electrolytes,
        temperatures=list(range(300, 500, 10)),
        seeds=list(range(1, 11)),
        length=10,
        allow_unapproved=True,
    )
    from seicampaign.documents import Sampling
    from seicampaign.store import simulations

    found = large.simulations()
    simulations.register(
        store, "large", found, dict.fromkeys([s.id for s in found], 10), Sampling()
    )
    store.database.campaigns.insert_one(
        {"_id": "large", "name": "large", "spec": {}, "simulations": [s.id for s in found]}
    )
    seen = set()
    for page in range(1, 11):
        rows = client.get(f"/api/campaigns/large?page={page}").json()
        assert rows["total"] == 1000
        seen |= {row["simulation_id"] for row in rows["simulations"]}
    assert len(seen) == 1000
    html = client.get("/campaigns/large?plots=2").text
    assert html.count("data-plot=") == 12
    assert len(html) < 100_000
