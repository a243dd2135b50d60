"""`seicampaign compare` on a store of curves: conditions, a ranking, files for a paper."""

import json
import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from seicampaign.cli.main import app
from seicampaign.errors import CampaignError


@pytest.fixture
def compare(grown):
    def call(*arguments):
        found = CliRunner().invoke(app, ["compare", "pair", *arguments])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return call


def test_conditions_choose_rows_of_the_table_and_of_the_ranking(compare):
    def rows(*where):
        asked = [part for text in where for part in ("--where", text)]
        return json.loads(compare("--json", *asked).stdout)

    assert [row["electrolyte"] for row in rows("temperature=400")] == ["Li6PS5Cl"]
    assert rows("supercell=1x1", "seed=1", "seed=2")[0]["seeds"] == 2
    assert rows("seed=1")[0]["seeds"] == 1
    assert rows("temperature=300") == []
    ranked = compare("--where", "electrolyte=Li6PS5Cl", "--rank", "sei_thickness").stdout
    assert "Li7PS6" not in ranked
    assert "Ranked by sei_thickness" in ranked


@pytest.mark.parametrize(
    ("where", "said"),
    [("temprature=400", "Did you mean 'temperature'"), ("$where=1", "is no plain value")],
)
def test_a_condition_that_means_nothing_is_refused(compare, where, said):
    with pytest.raises(CampaignError, match=re.escape(said)):
        compare("--where", where)


def test_a_condition_without_a_value_is_refused(compare):
    refused = compare("--where", "temperature")
    assert refused.exit_code == 2
    assert "NAME=VALUE" in refused.output


def test_files_for_a_paper(compare, tmp_path):
    csv, tex, figure = (tmp_path / name for name in ("a.csv", "a.tex", "a.pdf"))
    compare("--csv", str(csv), "--latex", str(tex), "--figure", str(figure))
    assert pd.read_csv(csv)["electrolyte"].tolist() == ["Li6PS5Cl"]
    assert r"Li6PS5Cl $|$ Li & 400" in tex.read_text()
    assert figure.read_bytes().startswith(b"%PDF")


def test_what_cannot_be_compared_is_said(compare, grown, store):
    from seicampaign.analysis import Thresholds

    other = next(s for s in grown.simulations() if s.electrolyte == "Li7PS6")
    reason = "There is no P in the box"
    store.database.curve_failures.insert_one(
        {"_id": f"{other.id}/{Thresholds().key()}", "error": reason}
    )
    assert f"of 1 of 4 simulations: {reason}" in compare().stdout
    assert reason not in compare("--where", "electrolyte=Li6PS5Cl").stdout
