"""Which electrolyte is faster: said only where the spread over seeds allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seicampaign.compare.electrolytes import Estimate, Summary
from seicampaign.errors import CampaignError, unknown

CONFIDENCE = 0.95
RANKED = tuple(name for name, field in Summary.model_fields.items() if field.annotation is Estimate)
"""Quantities of a summary that electrolytes can be ranked by."""


class Rank(NamedTuple):
    """One place in a ranking.

    Attributes
    ----------
    below
        Names whose value is larger, beyond doubt: for a time, those it is faster than.
    undecided
        Names it cannot be told from: the interval of the difference holds zero, or one of the
        two has fewer than two seeds.
    """

    name: str
    estimate: Estimate
    below: tuple[str, ...]
    undecided: tuple[str, ...]


def rank(estimates: Mapping[str, Estimate]) -> list[Rank]:
    """Order by mean, smallest first; those without a value come last.

    A difference counts where the 95 % interval of Welch's t for the difference of two means
    (B. L. Welch, Biometrika 34, 28, 1947) leaves out zero.
    """
    known = {name: e for name, e in estimates.items() if e.mean is not None}
    order = sorted(known, key=lambda name: known[name].mean or 0.0)
    places = []
    for name in order:
        own = known[name]
        others = {other: _difference(own, known[other]) for other in order if other != name}
        below = tuple(other for other, sign in others.items() if sign < 0)
        undecided = tuple(other for other, sign in others.items() if sign == 0)
        places.append(Rank(name, own, below, undecided))
    rest = [Rank(n, e, (), tuple(order)) for n, e in estimates.items() if n not in known]
    return places + rest


def rank_documents(documents: Sequence[Mapping[str, Any]], quantity: str) -> list[Rank]:
    """Rank documents of `CampaignStore.electrolytes` by one of `RANKED`.

    Raises
    ------
    CampaignError
        If there is no such quantity.
    """
    if quantity not in RANKED:
        raise CampaignError(unknown("quantity", quantity, RANKED))
    summarised = [d for d in documents if d["summary"] is not None]
    names = titles(summarised)
    return rank(
        {
            name: Estimate.model_validate(document["summary"][quantity])
            for name, document in zip(names, summarised, strict=True)
        }
    )


def lengths_differ(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether runs are longer for some documents: what is read at their end is of other times."""
    known = [d["ns_done"] / len(d["simulations"]) for d in documents if d["summary"] is not None]
    return bool(known) and min(known) < 0.98 * max(known)


def titles(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The electrolyte of each document, and of its condition what differs among them."""
    shown = [_words(document) for document in documents]
    differing = [name for name in WORDS if len({words[name] for words in shown}) > 1]
    named = [name for name in WORDS if name == "electrolyte" or name in differing]
    found = [", ".join(words[name] for name in named) for words in shown]
    return [
        f"{text} ({document['electrolyte_id'][:6]})" if found.count(text) > 1 else text
        for text, document in zip(found, documents, strict=True)
    ]


WORDS = ("electrolyte", "anode", "supercell", "temperature", "pressure", "potential")


def _words(document: Mapping[str, Any]) -> dict[str, str]:
    pressure, cell = document["pressure"], document["supercell"]
    potential = document["potential"]
    return {
        "electrolyte": str(document["electrolyte"]),
        "anode": f"on {document['anode']}",
        "supercell": "unknown size" if cell is None else "x".join(map(str, cell)),
        "temperature": f"{document['temperature']:g} K",
        "pressure": "constant volume" if pressure is None else f"{pressure:g} bar",
        "potential": f"{potential['name']} {potential['hash'][:6]}",
    }


def _difference(a: Estimate, b: Estimate) -> int:
    """-1 or 1 where the sign of a - b is certain, else 0."""
    from scipy.stats import t as student

    if min(len(a.values), len(b.values)) < 2:
        return 0
    x, y = np.array(a.values), np.array(b.values)
    difference = x.mean() - y.mean()
    u, v = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if u + v == 0:
        return int(np.sign(difference))
    freedom = (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1))
    half = student.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(u + v)
    return int(np.sign(difference)) if abs(difference) > half else 0
