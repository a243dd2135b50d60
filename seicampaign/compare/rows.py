"""A comparison in words: few columns, three digits, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seicampaign.compare.electrolytes import TRUSTED_GRADE, Estimate
from seicampaign.compare.ranking import Rank

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "-"
WHERE_SEVERAL = {
    "supercell": "cell",
    "potential": "potential",
    "variant": "interface",
    "analysis": "analysis",
}
"""Columns that are shown where their rows differ, and what they are called."""
OTHER_TIMES = "Runs are of different length: what is read at their end is of different times."
LATEX = {" | ": " $|$ ", "±": r"$\pm$", "Å": r"\AA{}"}


def comparison_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """A comparison in few columns: conditions, shares, half reduction, thickness, grade."""
    records = [{str(k): v for k, v in row.items()} for row in table.to_dict(orient="records")]
    several = [name for name in WHERE_SEVERAL if len({r[name] for r in records}) > 1]
    return [_row(row, several) for row in records]


def latex(table: pd.DataFrame) -> str:
    """The same columns as a LaTeX table, for the package booktabs."""
    import pandas as pd

    rows = [
        {name.replace("\n", " "): value for name, value in row.items()}
        for row in comparison_rows(table)
    ]
    shown = pd.DataFrame(rows).style.hide(axis="index")
    shown = shown.format(escape="latex").format_index(escape="latex", axis="columns")
    written = shown.to_latex(hrules=True)
    for sign, command in LATEX.items():
        written = written.replace(sign, command)
    return str(written)


def cautions(table: pd.DataFrame) -> list[str]:
    """What a reader must know of a comparison besides its numbers."""
    if table.empty:
        return []
    found = []
    if (table["seeds"] == 1).any():
        found.append("Where there is one seed, there is no interval.")
    if table["half_reduction_ps_spread"].notna().any():
        found.append("Means over seeds; ± is the standard deviation over them.")
    beyond = int((table["grade_max"] > TRUSTED_GRADE).sum())
    if beyond:
        found.append(
            f"The potential extrapolates (grade over {TRUSTED_GRADE:g}) in {beyond} of "
            f"{len(table)} rows: their numbers are in doubt."
        )
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


def ranking_rows(places: Sequence[Rank]) -> list[dict[str, str]]:
    """A ranking in words."""
    everyone = {place.name for place in places if place.estimate.mean is not None}
    return [
        {
            "electrolyte": place.name,
            "mean": cell(place.estimate.mean),
            "95 % interval": _interval(place.estimate),
            "seeds": f"{len(place.estimate.values)}",
            "surely below": _names(place.below, everyone - {place.name}),
            "undecided": _names(place.undecided, everyone - {place.name}),
        }
        for place in places
    ]


def _interval(estimate: Estimate) -> str:
    if estimate.low is None:
        return "none: one seed" if estimate.values else "not reached"
    return f"{cell(estimate.low)} to {cell(estimate.high)}"


def _names(names: Sequence[str], others: set[str]) -> str:
    if len(names) > 1 and set(names) == others:
        return "all others"
    return "; ".join(names) or UNKNOWN


def _row(row: Mapping[str, Any], shown: list[str]) -> dict[str, str]:
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
        "T (K)": cell(row["temperature"]),
        "p (bar)": cell(row["pressure"]),
        "atoms": cell(row["atoms"]),
        "seeds": cell(row["seeds"]),
        "ns": cell(row["ns"]),
        **{WHERE_SEVERAL[name]: cell(row[name]) for name in shown},
        **shares,
        "half reduced\n(ps)": half,
        "SEI\n(Å)": cell(row["sei_thickness_A"]),
        "largest\ngrade": cell(row["grade_max"]),
    }


def cell(value: Any) -> str:
    """A value to three digits, from a thousand on to the unit; a dash where there is none."""
    if value is None or value != value:
        return UNKNOWN
    if not isinstance(value, float):
        return f"{value}"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
