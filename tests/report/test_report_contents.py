"""What a report says, before it is a page."""

from seicampaign.compare.electrolytes import Estimate, GrowthLaw
from seicampaign.report.contents import laws, place


def condition(supercell, temperature, pressure):
    return {
        "electrolyte": "Li6PS5Cl",
        "anode": "Li",
        "supercell": supercell,
        "temperature": temperature,
        "pressure": pressure,
    }


def test_conditions_stand_by_size_temperature_and_pressure_and_constant_volume_last():
    ordered = [
        condition([3, 3], 300.0, 1.0),
        condition([3, 3], 300.0, 200.0),
        condition([3, 3], 300.0, 1000.0),
        condition([3, 3], 300.0, None),
        condition([3, 3], 1000.0, 1.0),
        condition([6, 6], 300.0, 1.0),
    ]
    assert sorted(reversed(ordered), key=place) == ordered


def test_a_law_that_misses_the_shape_of_its_curve_is_not_told_as_one_that_fits():
    known = GrowthLaw(laws=("log",), rms=Estimate.of([0.02, 0.03])).model_dump()
    told = laws({"reduction_law": known | {"doubtful": True}, "crystal_law": known})
    assert told[0]["law"] == "log (doubtful: it misses the shape of the curve, by 0.025 rms)"
    assert told[1]["law"] == "log"
