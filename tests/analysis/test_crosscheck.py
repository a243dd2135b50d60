import importlib.util

import pytest
from truth_boxes import antifluorite, argyrodite, shaken

from seicampaign.analysis import classify_frame
from seicampaign.analysis.crosscheck import second_opinion
from seicampaign.errors import AnalysisError

HAS_OVITO = importlib.util.find_spec("ovito") is not None


@pytest.mark.skipif(not HAS_OVITO, reason="OVITO is optional")
def test_all_agree_where_there_is_no_doubt():
    crystal = second_opinion(classify_frame(shaken(antifluorite(4), 300)))
    assert crystal.ours.all()
    assert crystal.common_neighbours.mean() > 0.9
    assert crystal.template_matching.mean() > 0.95
    unreacted = second_opinion(classify_frame(argyrodite().repeat(2)))
    assert set(unreacted.fractions(56).values()) == {0.0}


@pytest.mark.skipif(HAS_OVITO, reason="only where OVITO is missing")
def test_without_ovito_it_says_how_to_get_it():
    with pytest.raises(AnalysisError, match="pip install ovito"):
        second_opinion(classify_frame(argyrodite()))
