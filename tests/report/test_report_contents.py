"""What a report says, before it is a page."""

from seicampaign.report.contents import place


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
