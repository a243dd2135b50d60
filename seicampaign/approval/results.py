"""What a test says, and what all tests together say of a potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TESTS_VERSION = 2
"""Of the tests and their limits: an approval by other tests does not count."""


@dataclass(frozen=True)
class TestResult:
    """One test of a potential.

    Attributes
    ----------
    name
        What was tested.
    value
        What was measured; None where there is nothing to measure (a run that broke).
    limit
        What `value` was held against; None where the test only asks for sanity.
    passed
        Whether it is as it should be.
    detail
        Value, limit and reference in words.
    units
        Of `value` and `limit`.
    """

    __test__ = False  # pytest takes the name for a test of its own

    name: str
    value: float | None
    limit: float | None
    passed: bool
    detail: str
    units: str = ""

    def __post_init__(self) -> None:
        """Builtin types in place of numpy's, for JSON and BSON."""
        object.__setattr__(self, "passed", bool(self.passed))
        object.__setattr__(self, "value", None if self.value is None else float(self.value))

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"

    @property
    def short(self) -> str:
        """Name, value and limit."""
        if self.value is None:
            return f"{self.name}: {self.detail}"
        limit = "" if self.limit is None else f", limit {self.limit:g}"
        return f"{self.name} {self.value:g} {self.units}".rstrip() + limit


@dataclass(frozen=True)
class Approval:
    """The tests of one potential.

    Attributes
    ----------
    potential
        Its hash: an approval counts for the file it was made with, and for no other.
    name
        Of the potential, for people.
    version
        `TESTS_VERSION` of the tests.
    complete
        Whether every test was run at its full length.
    results
        One by one.
    """

    potential: str
    name: str
    version: int
    complete: bool
    results: tuple[TestResult, ...]

    @property
    def failed(self) -> list[TestResult]:
        """The tests that did not pass."""
        return [result for result in self.results if not result.passed]

    @property
    def approved(self) -> bool:
        """Whether every test was run, and passed."""
        return self.complete and bool(self.results) and not self.failed

    @property
    def reason(self) -> str:
        """In one line: why it is not approved, or that it is."""
        if self.failed:
            named = "; ".join(result.short for result in self.failed)
            return f"{len(self.failed)} of {len(self.results)} tests failed ({named})"
        if not self.approved:
            return "its tests were shortened or left out"
        return f"all {len(self.results)} tests passed"

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for the store: without a date, so that equal tests give equal text."""
        return {
            "potential": self.potential,
            "name": self.name,
            "version": self.version,
            "complete": self.complete,
            "approved": self.approved,
            "results": [asdict(result) for result in self.results],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Approval:
        """Read what `as_dict` gave."""
        return cls(
            potential=found["potential"],
            name=found["name"],
            version=found["version"],
            complete=found["complete"],
            results=tuple(TestResult(**result) for result in found["results"]),
        )


def beside(metadata: Mapping[str, Any]) -> Approval | None:
    """The approval that is kept beside a potential's file, if it was ever tested."""
    found = metadata.get("approval")
    return None if found is None else Approval.from_dict(found)


def verdict(found: Sequence[Approval | None], potential: str) -> tuple[bool, str]:
    """Whether a potential is approved by the tests of today, and why or why not.

    Parameters
    ----------
    found
        Approvals of it, from wherever there are some; the first that counts decides.
    potential
        Its hash.
    """
    own = [a for a in found if a is not None and a.potential == potential]
    current = [a for a in own if a.version == TESTS_VERSION]
    if current:
        return current[0].approved, current[0].reason
    if own:
        return False, f"it was tested by version {own[0].version} of the tests, not {TESTS_VERSION}"
    if any(found):
        return False, "the tests that are kept with it were made with another potential"
    return False, "it was never tested"
