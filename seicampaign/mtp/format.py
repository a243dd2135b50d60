"""MLIP-2 `.mtp` files: read strictly, written so that MLIP-2 and motep read every bit back.

The reader takes MLIP-2's layout, trained or untrained, and the one that motep writes (which says
``min``, ``max``, ``size`` and puts ``radial_funcs_count`` after the coefficients). Anything else
is refused with the line and the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from seicampaign.errors import PotentialError
from seicampaign.mtp.model import MTP, FloatArray

_BLANKS = " \t\r\v\f"
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_TUPLE = re.compile(r"\{([^{}]*)\}")
_MOTEP_NAMES = {"min": "min_dist", "max": "max_dist", "size": "radial_basis_size"}


def read_mtp(path: str | os.PathLike[str]) -> MTP:
    """Read a `.mtp` file of MLIP-2 or motep.

    Parameters
    ----------
    path
        The file. Untrained templates are read too: `MTP.trained` tells.

    Raises
    ------
    PotentialError
        If the file cannot be read or is not exactly one well-formed potential; the message names
        the file, the line and the reason.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise PotentialError(f"Cannot read the potential {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PotentialError(
            f"{path}: byte {error.start} is not text. Is it an active set (.als)? "
            "Give the .mtp file it was made from."
        ) from None
    return _Reader(str(path), text).potential()


class _Reader:
    """A cursor over the lines of one file, and what was read so far."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = [line.strip(_BLANKS) for line in text.split("\n")]
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        self.next = 0
        self.values: dict[str, Any] = {}
        self.line_of: dict[str, int] = {}

    def fail(self, reason: str, line: int | None = None) -> NoReturn:
        number = self.next + 1 if line is None else line
        raise PotentialError(f"{self.path}, line {number}: {reason}")

    def peek(self) -> str:
        return self.lines[self.next] if self.next < len(self.lines) else ""

    def key(self) -> str:
        """The name on the next line, in MLIP-2's words."""
        name = self.peek().partition("=")[0].strip(_BLANKS)
        return _MOTEP_NAMES.get(name, name)

    def take(self, name: str, parse: Callable[[str], Any], *, optional: bool = False) -> None:
        """Read the line `name = value`, which must come next unless it is optional."""
        if self.key() != name or "=" not in self.peek():
            if not optional:
                self.complain_of_missing(name)
            return
        try:
            self.values[name] = parse(self.peek().partition("=")[2].strip(_BLANKS))
        except ValueError as error:
            self.fail(f"{name} {error}")
        self.next += 1
        self.line_of[name] = self.next

    def complain_of_missing(self, name: str) -> NoReturn:
        if self.next >= len(self.lines):
            self.fail(f"the file ends where {name} should be: it is truncated")
        if self.key() in self.line_of:
            self.fail(f"{self.key()} is given twice, where {name} should be")
        self.fail(f"expected {name}, found {self.peek()[:60]!r}")

    def potential(self) -> MTP:
        if self.peek() != "MTP":
            self.fail(f"expected the word MTP, found {self.peek()[:60]!r}: not an .mtp file")
        self.next += 1
        self.take("version", str)
        self.take("potential_name", str, optional=True)
        self.take("scaling", _real, optional=True)
        self.take("species_count", _integer)
        self.take("potential_tag", str, optional=True)
        self.radial()
        self.tables()
        self.take("species_coeffs", _reals, optional=True)
        self.take("moment_coeffs", _reals, optional=True)
        self.check_end()
        return self.build()

    def radial(self) -> None:
        self.take("radial_basis_type", str)
        self.take("min_dist", _real)
        self.take("max_dist", _real)
        self.take("radial_basis_size", _integer)
        self.take("radial_funcs_count", _integer, optional=True)
        if self.key() == "magnetic_basis_type":
            self.fail("a magnetic potential, which is not supported")
        if self.peek() == "radial_coeffs":
            self.radial_coeffs()
        if "radial_funcs_count" not in self.values:
            self.take("radial_funcs_count", _integer)

    def radial_coeffs(self) -> None:
        self.next += 1
        self.line_of["radial_coeffs"] = self.next
        species = self.values["species_count"]
        blocks: list[FloatArray] = []
        for pair in (f"{i}-{j}" for i in range(species) for j in range(species)):
            if self.peek() != pair:
                self.fail(f"expected radial_coeffs of {pair}, found {self.peek()[:60]!r}")
            self.next += 1
            blocks.append(self.radial_rows(pair, len(blocks[0]) if blocks else None))
        self.values["radial_coeffs"] = np.array(blocks).reshape(species, species, *blocks[0].shape)

    def radial_rows(self, pair: str, expected: int | None) -> FloatArray:
        size = self.values["radial_basis_size"]
        expected = self.values.get("radial_funcs_count", expected)
        rows: list[FloatArray] = []
        while self.peek().startswith("{"):
            try:
                row = _reals(self.peek())
            except ValueError as error:
                self.fail(f"radial_coeffs of {pair} {error}")
            if len(row) != size:
                self.fail(f"{len(row)} coefficients where radial_basis_size is {size}")
            rows.append(row)
            self.next += 1
        if not rows or len(rows) != (expected or len(rows)):
            self.fail(f"{len(rows)} radial functions for {pair}, expected {expected or 'some'}")
        return np.array(rows)

    def tables(self) -> None:
        self.take("alpha_moments_count", _integer)
        self.take("alpha_index_basic_count", _integer)
        self.take("alpha_index_basic", _table)
        self.take("alpha_index_times_count", _integer)
        self.take("alpha_index_times", _table)
        self.take("alpha_scalar_moments", _integer)
        self.take("alpha_moment_mapping", _integers)
        for name in ("alpha_index_basic", "alpha_index_times"):
            count = self.values.pop(f"{name}_count")
            found = len(self.values[name])
            if found != count:
                self.fail(f"{name} has {found} rows, its count says {count}", self.line_of[name])

    def check_end(self) -> None:
        if self.next < len(self.lines):
            if self.key() in self.line_of:
                self.fail(f"{self.key()} is given twice")
            self.fail(f"unexpected content {self.peek()[:60]!r}")
        names = ("radial_coeffs", "species_coeffs", "moment_coeffs")
        missing = [name for name in names if name not in self.values]
        if 0 < len(missing) < len(names):
            self.fail(f"the file ends without {' and '.join(missing)}: it is truncated")
        if not missing and "scaling" not in self.values:
            self.fail("a trained potential must say its scaling", self.line_of["species_count"])

    def build(self) -> MTP:
        empty = {name: np.zeros(0) for name in ("radial_coeffs", "species_coeffs", "moment_coeffs")}
        try:
            return MTP(**({"scaling": 1.0} | empty | self.values))
        except PotentialError as error:
            name = str(error).split()[0]
            self.fail(str(error), self.line_of.get(name, 1))


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"must be an integer, not {text[:40]!r}")
    return int(text)


def _real(text: str) -> float:
    if not _REAL.fullmatch(text):
        raise ValueError(f"must be a finite number, not {text[:40]!r}")
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"must be a finite number, not {text[:40]!r}")
    return value


def _inside(text: str) -> str:
    if not (len(text) >= 2 and text[0] == "{" and text[-1] == "}"):
        raise ValueError(f"must be a list in braces, not {text[:40]!r}: is the line cut short?")
    return text[1:-1].strip(_BLANKS)


def _items(text: str) -> list[str]:
    inside = _inside(text)
    return [item.strip(_BLANKS) for item in inside.split(",")] if inside else []


def _reals(text: str) -> FloatArray:
    return np.array([_real(item) for item in _items(text)], dtype=np.float64)


def _integers(text: str) -> NDArray[np.int64]:
    return np.array([_integer(item) for item in _items(text)], dtype=np.int64)


def _table(text: str) -> NDArray[np.int64]:
    """Read ``{{a, b, c, d}, {...}, ...}``."""
    inside = _inside(text)
    if _TUPLE.sub("", inside).replace(",", "").strip():
        raise ValueError(f"must be a list of lists in braces, not {text[:40]!r}")
    rows = [_integers(match.group()) for match in _TUPLE.finditer(inside)]
    if any(len(row) != 4 for row in rows):
        raise ValueError("must have four numbers in each of its rows")
    if inside.count("}") and len(re.findall(r"\}\s*,\s*\{", inside)) != len(rows) - 1:
        raise ValueError("must have one comma between its rows")
    return np.array(rows, dtype=np.int64).reshape(len(rows), 4)


def write_mtp(path: str | os.PathLike[str], mtp: MTP) -> None:
    """Write `mtp` as MLIP-2 does, with 17 significant digits, replacing the file at once.

    Parameters
    ----------
    path
        The file to make. Its directory must exist.
    mtp
        Trained, or without any coefficients.

    Raises
    ------
    PotentialError
        If only some of the coefficients are there, or a text has line breaks.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text("\n".join(_lines(mtp)) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _lines(mtp: MTP) -> Iterable[str]:
    sizes = [a.size for a in (mtp.radial_coeffs, mtp.species_coeffs, mtp.moment_coeffs)]
    if any(sizes) and not all(sizes):
        raise PotentialError("Cannot write a potential that has only some of its coefficients")
    for text in (mtp.version, mtp.potential_name or "", mtp.potential_tag):
        if len(text.splitlines()) > 1 or text != text.strip():
            raise PotentialError(f"Cannot write the text {text!r}: it must be one stripped line")
    yield "MTP"
    yield f"version = {mtp.version}"
    if mtp.potential_name is not None:
        yield f"potential_name = {mtp.potential_name}"
    yield f"scaling = {mtp.scaling:.16e}"
    yield f"species_count = {mtp.species_count}"
    yield f"potential_tag = {mtp.potential_tag}"
    yield from _radial_lines(mtp)
    yield f"alpha_moments_count = {mtp.alpha_moments_count}"
    yield f"alpha_index_basic_count = {mtp.alpha_index_basic_count}"
    yield f"alpha_index_basic = {_braced(map(_braced, mtp.alpha_index_basic.tolist()))}"
    yield f"alpha_index_times_count = {mtp.alpha_index_times_count}"
    yield f"alpha_index_times = {_braced(map(_braced, mtp.alpha_index_times.tolist()))}"
    yield f"alpha_scalar_moments = {mtp.alpha_scalar_moments}"
    yield f"alpha_moment_mapping = {_braced(mtp.alpha_moment_mapping.tolist())}"
    if mtp.trained:
        yield f"species_coeffs = {_braced(mtp.species_coeffs.tolist())}"
        yield f"moment_coeffs = {_braced(mtp.moment_coeffs.tolist())}"


def _radial_lines(mtp: MTP) -> Iterable[str]:
    yield f"radial_basis_type = {mtp.radial_basis_type}"
    yield f"\tmin_dist = {mtp.min_dist:.16e}"
    yield f"\tmax_dist = {mtp.max_dist:.16e}"
    yield f"\tradial_basis_size = {mtp.radial_basis_size}"
    yield f"\tradial_funcs_count = {mtp.radial_funcs_count}"
    if not mtp.trained:
        return
    yield "\tradial_coeffs"
    for i, j in np.ndindex(mtp.species_count, mtp.species_count):
        yield f"\t\t{i}-{j}"
        for row in mtp.radial_coeffs[i, j].tolist():
            yield f"\t\t\t{_braced(row)}"


def _braced(items: Iterable[str | int | float]) -> str:
    texts = (f"{item:.16e}" if isinstance(item, float) else str(item) for item in items)
    return "{" + ", ".join(texts) + "}"
