"""A comparison in words: few columns, three digits, for a terminal or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "-"


def comparison_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A comparison in few columns: conditions, shares at each time, half reduction, thickness."""
    records = [{str(k): v for k, v in row.items()} for row in table.to_dict(orient="records")]
    several = [name for name in ("potential", "analysis") if len({r[name] for r in records}) > 1]
    return [_row(row, several) for row in records]


def cautions(table: pd.DataFrame) -> list[str]:
    """What a reader must know of a comparison besides its numbers."""
    if table.empty:
        return []
    found = []
    if (table["seeds"] == 1).any():
        found.append("Where there is one seed, there is no interval.")
    if table["analysis"].nunique() > 1:
        found.append(
            "Curves were made by different analyses, which are not averaged: `seicampaign analyse` "
            "brings all up to date."
        )
    return found


def potentials(table: pd.DataFrame) -> list[str]:
    """The potentials of a comparison, each with whether it is approved."""
    if table.empty:
        return []
    pairs = sorted(set(zip(table["potential"], table["approved"], strict=True)))
    return [name if approved else f"{name} (not approved)" for name, approved in pairs]


def _row(row: dict[str, Any], shown: list[str]) -> dict[str, str]:
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
        **{name: row[name] for name in shown},
        **shares,
        "half reduced\n(ps)": half,
        "SEI\n(Å)": cell(row["sei_thickness_A"]),
    }


def cell(value: Any) -> str:
    """A value to three digits, from a thousand on to the unit; a dash where there is none."""
    if value is None or value != value:
        return UNKNOWN
    if not isinstance(value, float):
        return f"{value}"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
