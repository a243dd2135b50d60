"""Interactive figures as plain data for plotly.js: growth, product and census against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.analysis.curves import seed_spread

if TYPE_CHECKING:
    import pandas as pd

    from seicampaign.compare.table import CurveLike

    Seeds = Mapping[str, Mapping[str, CurveLike]]

Plot = dict[str, Any]

MAX_POINTS = 300
MOST_SEEDS = 8
"""More seeds than this are shown as their mean and a band of one standard deviation."""
MOST_LINES = 20
LEGEND_ROW = 20
"""Pixels, for two names."""
CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["zoomIn2d", "zoomOut2d", "autoScale2d"],
}
"""Of plotly.js: by default it offers to upload the figure, and these are nobody else's."""
PALETTE = (
    *("#1f6f8b", "#d1495b", "#3a9d5d", "#e8a13a", "#6b4e9b", "#8c564b", "#17a2a2", "#b5338a"),
    *("#7f7f7f", "#99a832"),
)
GROWTH = {
    "amorphous_fraction": ("amorphous", "#d1495b"),
    "crystalline_fraction": ("crystalline", "#2a6fbb"),
    "reduction_degree": ("reduced (both)", "#1f1f1f"),
}
PRODUCT = {
    "crystal_x_phosphorus": ("P", "#8e5ea2"),
    "crystal_x_halogen": ("halogen", "#3a9d5d"),
}
CENSUS = {
    f"ps{n}": (f"PS{n}" if n else "P without S", colour)
    for n, colour in enumerate(("#5b2333", "#b0413e", "#e07a5f", "#f2cc8f", "#8da9c4"))
}
THICKNESS = {"sei_thickness": ("thickness of the interphase", "#6b4e9b")}


def growth(seeds: Seeds) -> Plot:
    """Reduced, amorphous and crystalline share, as in Figure 3 of Chaney et al. (2024)."""
    plot = _plot(seeds, GROWTH, "share of the electrolyte", (-0.02, 1.0))
    for trace in plot["data"]:
        if trace.get("name") == "reduced (both)":
            trace["line"]["dash"] = "dash"  # it covers the amorphous share until there is crystal
    return plot


def product(seeds: Seeds) -> Plot:
    """Composition of the crystal; dotted: the full solid solution 5 Li2S.Li3P.LiCl."""
    plot = _plot(seeds, PRODUCT, "share of the crystal's anions", (-0.02, 0.6))
    plot["layout"]["shapes"] = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 1 / 7,
            "y1": 1 / 7,
            "line": {"dash": "dot", "width": 1, "color": "#888"},
        }
    ]
    return plot


def census(seeds: Seeds) -> Plot:
    """P by the number of its S neighbours."""
    return _plot(seeds, CENSUS, "share of P", (-0.02, 1.02))


def thickness(seeds: Seeds) -> Plot:
    """Thickness of the interphase."""
    return _plot(seeds, THICKNESS, "thickness (Å)", None)


def _plot(
    seeds: Seeds,
    curves: Mapping[str, tuple[str, str]],
    unit: str,
    span: tuple[float, float] | None,
) -> Plot:
    """Seeds thin, their mean thick, up to the end of the shortest."""
    traces = []
    for name, (label, colour) in curves.items():
        own = {seed: found[name] for seed, found in seeds.items() if name in found}
        own = {seed: curve for seed, curve in own.items() if len(curve.times)}
        if not own:
            continue
        if len(own) > MOST_SEEDS:
            traces += _band(list(own.values()), label, colour, name)
            continue
        if len(own) > 1:
            for seed, curve in own.items():
                times, values = thinned(curve)
                traces.append(_trace(times, values, f"{label}, {seed}", colour, 0.7, name, False))
        traces.append(_trace(*_mean(list(own.values())), label, colour, 2.4, name, True))
    return _figure(traces, unit, span)


def aligned(table: pd.DataFrame, unit: str) -> Plot:
    """A curve of every condition on one grid (`compare.aligned_curves`): mean, band of one spread.

    At most `MOST_LINES` conditions are drawn.
    """
    traces: list[dict[str, Any]] = []
    if table.empty:
        return _figure(traces, unit, None)
    keys = [c for c in table.columns if c not in ("time_ps", "mean", "spread", "seeds")]
    differing = [k for k in keys if table[k].nunique(dropna=False) > 1] or ["electrolyte"]
    for n, (_, own) in enumerate(table.groupby(keys, sort=False, dropna=False)):
        if n == MOST_LINES:
            break
        label, colour = _label(own.iloc[0], differing), PALETTE[n % len(PALETTE)]
        times, mean, spread = (own[c].to_numpy(float) for c in ("time_ps", "mean", "spread"))
        if np.isfinite(spread).any():
            traces.append(_filled(times, mean - spread, mean + spread, colour, label))
        traces.append(_trace(_rounded(times), _known(mean), label, colour, 2.0, label, True))
    plot = _figure(traces, unit, None)
    plot["layout"]["height"] += LEGEND_ROW * (sum(t["showlegend"] for t in traces) // 2)
    return plot


UNITS = {"temperature": " K", "pressure": " bar"}


def _label(row: Any, names: Sequence[str]) -> str:
    words = {n: f"{row[n]:g}" if isinstance(row[n], float) else str(row[n]) for n in names}
    return ", ".join(f"{word}{UNITS.get(name, '')}" for name, word in words.items())


def _figure(traces: list[dict[str, Any]], unit: str, span: tuple[float, float] | None) -> Plot:
    axis = {"title": {"text": unit}, "zeroline": False}
    return {
        "data": traces,
        "config": CONFIG,
        "layout": {
            "xaxis": {"title": {"text": "time (ps)"}, "zeroline": False},
            "yaxis": axis | ({} if span is None else {"range": list(span)}),
            "margin": {"l": 55, "r": 34, "t": 10, "b": 45},
            "height": 330,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "modebar": {"orientation": "v"},
            "hovermode": "x",
        },
    }


def _trace(
    times: Sequence[float],
    values: Sequence[float | None],
    label: str,
    colour: str,
    width: float,
    group: str,
    listed: bool,
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": times,
        "y": values,
        "name": label,
        "legendgroup": group,
        "showlegend": listed,
        "opacity": 1.0 if listed else 0.5,
        "line": {"color": colour, "width": width},
    }


def _filled(
    times: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, group: str
) -> dict[str, Any]:
    """The area between two curves, where both are known."""
    known = np.isfinite(low) & np.isfinite(high)
    t, low, high = times[known], low[known], high[known]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _rounded(np.concatenate((t, t[::-1]))),
        "y": _known(np.concatenate((high, low[::-1]))),
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},0.18)",
        "line": {"width": 0},
        "legendgroup": group,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _band(curves: Sequence[CurveLike], label: str, colour: str, group: str) -> list[dict[str, Any]]:
    """Mean of many seeds, and one standard deviation of them to both sides."""
    grid = _grid(curves)
    spread = seed_spread([(c.times, c.values) for c in curves], grid)
    mean, std = spread.mean, spread.std
    return [
        _filled(grid, mean - std, mean + std, colour, group),
        _trace(_rounded(grid), _known(mean), label, colour, 2.4, group, True),
    ]


def thinned(curve: CurveLike) -> tuple[list[float], list[float | None]]:
    """A curve of at most 300 points, for a page; the last is kept."""
    times, values = np.asarray(curve.times, float), np.asarray(curve.values, float)
    chosen = np.unique(np.linspace(0, len(times) - 1, min(len(times), MAX_POINTS)).astype(int))
    return _rounded(times[chosen]), _known(values[chosen])


def _mean(curves: Sequence[CurveLike]) -> tuple[list[float], list[float | None]]:
    grid = _grid(curves)
    mean = seed_spread([(c.times, c.values) for c in curves], grid).mean
    return _rounded(grid), _known(mean)


def _grid(curves: Sequence[CurveLike]) -> np.ndarray:
    """Times up to the end of the shortest curve."""
    end = min(curve.times[-1] for curve in curves)
    grid = np.asarray(curves[0].times, float)
    grid = grid[grid <= end]
    return grid[np.unique(np.linspace(0, len(grid) - 1, min(len(grid), MAX_POINTS)).astype(int))]


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _known(values: np.ndarray) -> list[float | None]:
    """JSON has no NaN."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]
