"""A comparison in words: few columns, three digits, for a terminal or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "-"


def comparison_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A comparison in few columns: conditions, shares at each time, half reduction, thickness."""
    records = [{str(k): v for k, v in row.items()} for row in table.to_dict(orient="records")]
    several = len(potentials(table)) > 1
    return [_row(row, several) for row in records]


def potentials(table: pd.DataFrame) -> list[str]:
    """The potentials of a comparison, each with whether it is approved."""
    if table.empty:
        return []
    pairs = sorted(set(zip(table["potential"], table["approved"], strict=True)))
    return [name if approved else f"{name} (not approved)" for name, approved in pairs]


def _row(row: dict[str, Any], with_potential: bool) -> dict[str, str]:
    shares = {}
    for name, value in row.items():
        quantity, at, time = name.partition("@")
        if at:
            label = quantity.replace("crystalline", "crystal")
            shares[f"{label}\nat {time.removesuffix('ps')} ps"] = cell(value)
    half = cell(row["half_reduction_ps"])
    if cell(row["half_reduction_ps_spread"]) != UNKNOWN:
        half += f" ± {cell(row['half_reduction_ps_spread'])}"
    return {
        "electrolyte": f"{row['electrolyte']} | {row['anode']}",
        "cell": cell(row["supercell"]),
        "T (K)": cell(row["temperature"]),
        "p (bar)": cell(row["pressure"]),
        "atoms": cell(row["atoms"]),
        "seeds": cell(row["seeds"]),
        "ns": cell(row["ns"]),
        **({"potential": row["potential"]} if with_potential else {}),
        **shares,
        "half reduced\n(ps)": half,
        "SEI\n(Å)": cell(row["sei_thickness_A"]),
    }


def cell(value: Any) -> str:
    """A value to three digits; a dash where there is none."""
    if value is None or value != value:
        return UNKNOWN
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else f"{value}"
