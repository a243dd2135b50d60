import pytest
from truth_boxes import antifluorite, shaken

from seicampaign.analysis.sensitivity import USUAL, sensitivity
from seicampaign.errors import AnalysisError


def test_each_threshold_is_changed_alone():
    rows = sensitivity(
        shaken(antifluorite(3), 400), change={"core_links": [6, 12], "ps_bond": [2.8]}
    )
    assert [(r.threshold, r.value) for r in rows] == [
        ("core_links", 6),
        ("core_links", 12),
        ("ps_bond", 2.8),
    ]
    core = [r.values["crystalline_core_fraction"] for r in rows]
    assert core[1] <= core[0]


def test_the_usual_ones_are_thresholds():
    assert len(sensitivity(antifluorite(2))) == sum(len(v) for v in USUAL.values())
    with pytest.raises(AnalysisError, match="'core_link"):
        sensitivity(antifluorite(2), change={"core_lnk": [1.0]})
