"""A campaign that was edited after its launch: what changed is said, and nothing is overwritten."""

from seicampaign import Campaign


def declared(**changes):
    fields = dict(
        name="edited",
        electrolytes=["Li6PS5Cl"],
        temperatures=[300, 400],
        length=1,
        allow_unapproved=True,
    )
    return Campaign(**(fields | changes))


def test_nothing_is_said_of_what_is_as_it_was(store):
    assert declared().launch(store).edited is None
    assert declared().launch(store).edited is None
    assert store.database["campaigns"].find_one()["history"] == []


def test_a_simulation_that_left_the_campaign_stays(store):
    declared().launch(store)
    report = declared(temperatures=[300, 500]).launch(store)
    assert (report.new, report.unchanged) == (1, 1)
    assert "temperatures" in report.edited
    assert "Simulations no longer in it: 1," in report.edited
    assert store.database["simulations"].count_documents({"campaigns": "edited"}) == 3
    (before,) = store.database["campaigns"].find_one()["history"]
    assert before["spec"]["temperatures"] == [300, 400]


def test_a_shorter_length_shortens_nothing(store):
    declared().launch(store)
    report = declared(length=0.5).launch(store)
    assert (report.extended, report.unchanged) == (0, 2)
    assert "none is made shorter" in report.edited
    assert store.database["simulations"].distinct("planned_steps") == [1000]
