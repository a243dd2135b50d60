"""Growth curves, in the manner of Figure 3 of Chaney et al. (2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.compare.table import HEAD, analysis_of, grouped
from seicampaign.errors import CampaignError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from seicampaign.store import CampaignStore

CURVES = {
    "amorphous_fraction": ("amorphous", "#d1495b", "-"),
    "crystalline_fraction": ("crystalline", "#2a6fbb", "-"),
    "reduction_degree": ("reduced (both)", "#1f1f1f", "--"),
}


def curves_figure(store: CampaignStore, campaign: str, path: Path | str, **conditions: Any) -> Path:
    """Draw reduced, crystalline and amorphous share against time, a panel per condition.

    Seeds are thin lines, their mean a thick one.

    Parameters
    ----------
    path
        Picture to write; its suffix decides the format.
    conditions
        Further filters, as of `CampaignStore.compare`.

    Raises
    ------
    CampaignError
        If there is nothing to draw yet.
    """
    from matplotlib.figure import Figure

    panels = _panels(store, campaign, conditions)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, (title, curves) in zip(axes.flat, panels.items(), strict=False):
        _draw(ax, title, curves)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    axes[0, 0].legend(frameon=False, fontsize=9, loc="upper left")
    figure.supxlabel("time (ps)")
    figure.supylabel("share of the electrolyte")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=160)
    return path


def _panels(
    store: CampaignStore, campaign: str, conditions: Mapping[str, Any]
) -> dict[str, list[Mapping[str, Any]]]:
    """The curves of each condition, a mapping by name for each seed; never of two analyses."""
    found = store.simulations_of(campaign, conditions)
    curves = store.read_curves([document["simulation_id"] for document in found], CURVES)
    complete = {key: analysis_of(own) for key, own in curves.items() if set(CURVES) <= set(own)}
    groups = grouped(found, complete)
    heads = [dict(zip(HEAD, key, strict=True)) for key in groups]
    several = [
        name
        for name in ("potential", "variant", "analysis")
        if len({head[name] for head in heads}) > 1
    ]
    panels: dict[str, list[Mapping[str, Any]]] = {}
    for head, members in zip(heads, groups.values(), strict=True):
        said = [f"{name} {head[name]}" for name in several if head[name]]
        title = ", ".join([_title(members[0]), *said])
        panels[title] = [curves[member["simulation_id"]] for member in members]
    if not panels:
        raise CampaignError(
            f"Campaign {campaign!r} has no such curves to draw. `seicampaign status {campaign}` "
            "says how far it is."
        )
    return panels


def _title(document: Mapping[str, Any]) -> str:
    pressure = "" if document["pressure"] is None else f", {document['pressure']:g} bar"
    return (
        f"{document['electrolyte']} | {document['anode']}\n{document['temperature']:g} K{pressure}"
        f", {document.get('n_atoms', 0):,} atoms"
    )


def _draw(ax: Axes, title: str, seeds: Sequence[Mapping[str, Any]]) -> None:
    for name, (label, colour, style) in CURVES.items():
        own = [seed[name] for seed in seeds]
        if len(own) > 1:
            for curve in own:
                ax.plot(curve.times, curve.values, color=colour, lw=0.6, alpha=0.5)
        grid = own[0].times[own[0].times <= min(curve.times[-1] for curve in own)]
        mean = np.mean([np.interp(grid, curve.times, curve.values) for curve in own], axis=0)
        ax.plot(grid, mean, style, color=colour, lw=1.8, label=label)
    ax.set_title(title, fontsize=10)
    ax.set_ylim(-0.02, 1.0)
    ax.set_xlim(left=0)
    ax.spines[["top", "right"]].set_visible(False)
