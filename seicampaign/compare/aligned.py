"""Curves of many simulations on one time grid: mean and spread over the seeds of a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seicampaign.analysis.curves import seed_spread
from seicampaign.compare.table import CONDITIONS, HEAD, Curves, analysis_of, grouped
from seicampaign.errors import CampaignError

if TYPE_CHECKING:
    import pandas as pd

GRID_POINTS = 200


def aligned_curves(
    simulations: Sequence[Mapping[str, Any]],
    curves: Curves,
    name: str,
    times: Sequence[float] | None = None,
) -> pd.DataFrame:
    """One curve of every group of seeds, on one grid.

    Parameters
    ----------
    simulations, curves
        As of `comparison_table`; simulations without the curve are left out.
    name
        Of the curve, e.g. ``"reduction_degree"``.
    times
        ps. Default: 200 points up to the end of the longest run.

    Returns
    -------
    pandas.DataFrame
        A row per condition and time: conditions (K, bar), ``potential``, ``analysis``,
        ``time_ps``, ``mean``, ``spread`` (sample standard deviation over seeds, NaN for one),
        ``seeds``. NaN from where the first seed of a group ends.
    """
    import pandas as pd

    own = {key: c[name] for key, c in curves.items() if name in c and len(c[name].times)}
    grid = np.asarray(_grid([c.times for c in own.values()]) if times is None else sorted(times))
    rows = []
    analyses = {key: analysis_of({name: curve}) for key, curve in own.items()}
    for key, members in grouped(simulations, analyses).items():
        seeds = [own[m["simulation_id"]] for m in members]
        spread = seed_spread([(c.times, c.values) for c in seeds], grid)
        head = dict(zip(HEAD, key, strict=True))
        for time, mean, std in zip(grid, spread.mean, spread.std, strict=True):
            rows.append(
                head | {"time_ps": time, "mean": mean, "spread": std, "seeds": spread.n_seeds}
            )
    return pd.DataFrame(rows)


ONE_RUN = (*CONDITIONS, "seed", "timestep")
"""What tells the runs of a potential apart."""
CHOSEN_BY = (*ONE_RUN, "potential.name", "approved", "state")
"""What simulations are usually chosen by."""


def plain_conditions(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Conditions as a query: values, or lists of values to choose from, and no operators.

    Raises
    ------
    CampaignError
        If a name or a value could be read as a database operator.
    """
    query: dict[str, Any] = {}
    for name, value in conditions.items():
        values = value if isinstance(value, list | tuple | set) else [value]
        if "$" in name or not all(isinstance(v, str | int | float | None) for v in values):
            raise CampaignError(
                f"The condition {name}={value!r} is no plain value. Conditions are numbers, names "
                "or lists of them; for other questions query `store.simulations`."
            )
        several = isinstance(value, list | tuple | set) and name != "supercell"
        query[name] = {"$in": list(values)} if several else {"$eq": value}
    return query


def _grid(ends: Sequence[Any]) -> np.ndarray:
    longest = max((times[-1] for times in ends), default=0.0)
    return np.linspace(0.0, longest, GRID_POINTS)
