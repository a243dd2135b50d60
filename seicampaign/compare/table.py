"""The comparison table: a row per electrolyte and condition, its seeds taken together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from seicampaign.analysis.curves import seed_spread, time_to_value
from seicampaign.documents import content_hash

if TYPE_CHECKING:
    import pandas as pd

CONDITIONS = ("electrolyte", "anode", "supercell", "temperature", "pressure")
HEAD = (*CONDITIONS, "potential", "variant", "analysis")
"""What the seeds of a row share."""
OWN = ("seed", "timestep")
"""What may differ within a row."""
LABELS = {"reduction_degree": "reduced", "crystalline_fraction": "crystalline"}
NEEDED = (*LABELS, "sei_thickness")
CURVE_NAMES = (*NEEDED, "grade_max")


class CurveLike(Protocol):
    """Anything with times (ps) and values."""

    @property
    def times(self) -> Any:
        """ps, increasing."""

    @property
    def values(self) -> Any:
        """One for each time."""


Curves = Mapping[str, Mapping[str, CurveLike]]


def comparison_table(
    simulations: Sequence[Mapping[str, Any]],
    curves: Curves,
    times: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Compare electrolytes, a row for each electrolyte, condition, potential and analysis.

    Only runs that differ in seed or timestep alone are averaged: interfaces of other planes or
    layers are rows of their own, and so are curves that different analyses made (other
    thresholds, another version).

    Parameters
    ----------
    simulations
        Documents with ``simulation_id``, the fields of `CONDITIONS`, ``n_atoms``,
        ``steps_done``, ``timestep`` (fs), ``potential``, ``approved`` and ``spec``.
    curves
        By simulation, then by name: those of `CURVE_NAMES`. Simulations without those of `NEEDED`
        are left out.
    times
        In ps, where the curves are read. Default: `default_times`.

    Returns
    -------
    pandas.DataFrame
        Conditions (K, bar); ``potential``; ``variant``, the beginning of the group's
        ``electrolyte_id`` where the same conditions have several, else empty; ``analysis``, the
        key of the thresholds and version that made the curves; ``atoms``, ``seeds``, ``ns`` (the
        shortest run); ``approved``, whether the potential of every run had passed its tests; for
        each time ``reduced@t`` and ``crystalline@t`` (mean over seeds); ``half_reduction_ps``
        (mean over seeds, NaN unless every seed got there) and its ``_spread`` (sample standard
        deviation, NaN for one seed); ``sei_thickness_A`` at the last of the times; ``grade_max``,
        the largest extrapolation grade of any seed. NaN where a curve does not reach, or was not
        taken.
    """
    import pandas as pd

    chosen = default_times(curves) if times is None else sorted(times)
    complete = {key: analysis_of(own) for key, own in curves.items() if set(NEEDED) <= set(own)}
    rows = []
    for key, members in grouped(simulations, complete).items():
        own = [curves[member["simulation_id"]] for member in members]
        head = dict(zip(HEAD, key, strict=True))
        rows.append(head | _row(members, own, chosen))
    return pd.DataFrame(rows)


def grouped(
    simulations: Sequence[Mapping[str, Any]], analyses: Mapping[str, str]
) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Those simulations whose analysis is given, by `HEAD`: what is left are seeds.

    A potential is named; where two share a name, its hash is added.
    """
    chosen = [s for s in simulations if s["simulation_id"] in analyses]
    heads = [(*_condition(s), name) for s, name in zip(chosen, _potentials(chosen), strict=True)]
    setups = [_setup(s) for s in chosen]
    several: dict[tuple[Any, ...], set[str]] = {}
    for head, setup in zip(heads, setups, strict=True):
        several.setdefault(head, set()).add(setup)
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for simulation, head in zip(chosen, heads, strict=True):
        variant = group_identity(simulation)[:6] if len(several[head]) > 1 else ""
        key = (*head, variant, analyses[simulation["simulation_id"]])
        groups.setdefault(key, []).append(simulation)
    return dict(sorted(groups.items(), key=lambda item: str(item[0])))


def group_identity(simulation: Mapping[str, Any]) -> str:
    """The ``electrolyte_id`` of a simulation: equal for all that differ in seed or timestep."""
    physics, interface = _shared(simulation)
    return content_hash(
        "electrolyte",
        {
            "potential": simulation["potential"]["hash"],
            "md": content_hash("md", physics),
            "interface": content_hash("interface", interface),
        },
    )


def _shared(simulation: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = simulation["spec"]
    return [
        {name: value for name, value in spec[part].items() if name not in OWN}
        for part in ("md", "interface")
    ]


def _setup(simulation: Mapping[str, Any]) -> str:
    """Equal where `group_identity` is, and quicker."""
    return json.dumps(_shared(simulation), sort_keys=True) if "spec" in simulation else ""


def _potentials(simulations: Sequence[Mapping[str, Any]]) -> list[str]:
    """The potential of each by name; where two share a name, its hash is added."""
    found = [s.get("potential") or {"name": "", "hash": ""} for s in simulations]
    hashes: dict[str, set[str]] = {}
    for potential in found:
        hashes.setdefault(potential["name"], set()).add(potential["hash"])
    return [
        f"{p['name']} {p['hash'][:6]}" if len(hashes[p["name"]]) > 1 else p["name"] for p in found
    ]


def analysis_of(curves: Mapping[str, CurveLike]) -> str:
    """The key of the analysis that made the curves of a simulation; empty where none is named."""
    first = curves.get("reduction_degree") or next(iter(curves.values()), None)
    return str(getattr(first, "analysis", ""))


def of_one_analysis(curves: Curves) -> tuple[list[str], str]:
    """Simulations whose curves may be averaged, and the analysis that made them.

    Of several analyses that which made the curves of most simulations.
    """
    made = {key: analysis_of(own) for key, own in curves.items() if own}
    if not made:
        return [], ""
    ((usual, _),) = Counter(sorted(made.values(), reverse=True)).most_common(1)
    return [key for key, analysis in made.items() if analysis == usual], usual


def default_times(curves: Curves) -> list[float]:
    """A quarter, a half and the whole of the shortest run, in ps to two digits (rounded down)."""
    ends = [own["reduction_degree"].times for own in curves.values() if "reduction_degree" in own]
    shortest = min((times[-1] for times in ends if len(times)), default=0.0)
    return sorted({_two_digits(share * shortest) for share in (0.25, 0.5, 1.0)} - {0.0})


def _two_digits(value: float) -> float:
    if value <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.floor(value / unit + 1e-9) * unit:.12g}")


def _condition(simulation: Mapping[str, Any]) -> tuple[Any, ...]:
    values = (simulation.get(name) for name in CONDITIONS)
    return tuple("x".join(map(str, v)) if isinstance(v, list | tuple) else v for v in values)


def _row(
    members: Sequence[Mapping[str, Any]],
    curves: Sequence[Mapping[str, CurveLike]],
    times: Sequence[float],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "atoms": members[0].get("n_atoms"),
        "seeds": len(members),
        "ns": min(m["steps_done"] * m["timestep"] for m in members) / 1e6,
        "approved": all(m.get("approved", True) for m in members),
    }
    for name, label in LABELS.items():
        for time, value in zip(times, _mean(curves, name, times), strict=True):
            row[f"{label}@{time:g}ps"] = value
    halves = [_half_reduction(own["reduction_degree"]) for own in curves]
    row["half_reduction_ps"] = float(np.mean(halves))
    row["half_reduction_ps_spread"] = float(np.std(halves, ddof=1)) if len(halves) > 1 else np.nan
    row["sei_thickness_A"] = _mean(curves, "sei_thickness", times[-1:])[-1] if times else np.nan
    grades = [own["grade_max"].values for own in curves if "grade_max" in own]
    row["grade_max"] = float(np.fmax.reduce(np.concatenate([[np.nan], *grades])))
    return row


def _mean(
    curves: Sequence[Mapping[str, CurveLike]], name: str, times: Sequence[float]
) -> list[float]:
    return seed_spread([(own[name].times, own[name].values) for own in curves], times).mean.tolist()


def _half_reduction(curve: CurveLike) -> float:
    time = time_to_value(curve.times, curve.values, 0.5)
    return np.nan if time is None else time
