"""Imports point down only: the floors of docs/architecture.md, checked from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "seicampaign"

FLOORS = [
    {"cli"},
    {"serve"},
    {"report"},
    {"campaign"},
    {"recovery"},
    {"flows"},
    {"jobs", "builders"},
    {"store"},
    {"compare"},
    {"documents"},
    {"approval"},
    {"training", "reference"},
    {"md"},
    {"analysis", "trajectory"},
    {"structures", "mtp"},
    {"settings"},
    {"cells", "errors"},
]
LEVEL = {name: height for height, floor in enumerate(reversed(FLOORS)) for name in floor}
LAZY = {"Campaign": "campaign", "connect": "store"}
DATABASE = {"jobflow", "fireworks", "maggma", "pymongo"}
MODULES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.stem in LEVEL)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
            if node.module == "seicampaign":
                names |= {f"seicampaign.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert here in LEVEL, f"{here} has no floor: give it one here and in docs/architecture.md"
    for name in imported(path):
        first, _, rest = name.partition(".")
        if first == "seicampaign" and rest:
            there = LAZY.get(rest, rest.split(".")[0])
            assert there in LEVEL or there == "__version__", f"{name} has no floor"
            if there in LEVEL and there != here:
                assert LEVEL[there] < LEVEL[here], f"{here} may not import {there}"
        if first in DATABASE:
            assert LEVEL[here] >= LEVEL["store"], f"{here} may not import {first}"
