"""What may be asked: plain values under known names, and nothing that a database would run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException, Request

from seicampaign.compare.aligned import ONE_RUN
from seicampaign.errors import unknown

Question = dict[str, Any]


def refused(reason: str) -> HTTPException:
    """400: the question is wrong, and how."""
    return HTTPException(400, reason)


def missing(reason: str) -> HTTPException:
    """404: there is nothing of that name."""
    return HTTPException(404, reason)


def read(request: Request, allowed: Collection[str] = ()) -> Question:
    """The query of a request as plain values; a name that occurs twice is a list.

    Raises
    ------
    HTTPException
        400, if a name is not among `allowed`, or a name or value could be an operator.
    """
    found: Question = {}
    for name, text in request.query_params.multi_items():
        _refuse_operators(name, text)
        if name not in allowed:
            raise refused(unknown("parameter", name, allowed) if allowed else _NONE.format(name))
        value = _value(name, text)
        if name in found and name not in SINGLE:
            old = found[name]
            found[name] = [*(old if isinstance(old, list) else [old]), value]
        elif name in found:
            raise refused(f"{name} is given twice.")
        else:
            found[name] = value
    return found


def query_of(conditions: Question) -> str:
    """Conditions as the query of an address, which `read` turns into the same conditions."""
    return urlencode({name: _text(name, value) for name, value in conditions.items()})


_NONE = "There are no parameters here, and no {!r}."


def _refuse_operators(name: str, text: str) -> None:
    if any(sign in name for sign in "$[]{}.") or text.lstrip().startswith(("$", "{", "[")):
        raise refused(
            f"{name}={text} looks like a database operator. Names and values are plain here: "
            "?temperature=400&electrolyte=Li6PS5Cl."
        )


def _value(name: str, text: str) -> Any:
    try:
        return READ.get(name, str)(text)
    except ValueError:
        raise refused(f"{name}={text} is not {MEANT[name]}.") from None


def _text(name: str, value: Any) -> str:
    if name == "supercell":
        return "x".join(map(str, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) < 1e12:
        raise ValueError
    return value


def _pressure(text: str) -> float | None:
    return None if text == "none" else _number(text)


def _supercell(text: str) -> list[int]:
    nx, ny = text.split("x")
    return [int(nx), int(ny)]


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10**6:
        raise ValueError
    return value


ASKED = (*ONE_RUN, "potential")
"""Conditions of simulations; the potential by its hash."""
SINGLE = {"campaign", "simulation", "supercell", "page", "plots", "curve", "state", "quantity"}
READ: dict[str, Callable[[str], Any]] = {
    "temperature": _number,
    "timestep": _number,
    "time": _number,
    "pressure": _pressure,
    "supercell": _supercell,
    "seed": int,
    "page": _count,
    "plots": _count,
}
MEANT = {
    "temperature": "a number of K",
    "timestep": "a number of fs",
    "time": "a number of ps",
    "pressure": "a number of bar, or none",
    "supercell": "of the form 3x3",
    "seed": "a whole number",
    "page": "a whole number from 1",
    "plots": "a whole number from 1",
}
