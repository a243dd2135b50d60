"""Tables for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PIPE_WIDTH = 160
UNBOUNDED = 10_000


def show_table(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Print rows that share their columns, less the columns that are empty.

    Where the terminal is too narrow, rows stand beside each other if that fits; else what is the
    same in all of them is said once, below.
    """
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print(f"{title}: nothing yet.")
        return
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, markup=False, emoji=False)  # names may have [brackets]

    def table(lines: Sequence[Sequence[str]]) -> Table:
        made = Table(*lines[0], title=title, title_justify="left")
        for column in made.columns:
            column.overflow = "fold"
        for line in lines[1:]:
            made.add_row(*line)
        return made

    def fits(lines: Sequence[Sequence[str]]) -> bool:
        unbounded = console.options.update(max_width=UNBOUNDED)
        return console.measure(table(lines), options=unbounded).maximum <= console.width

    columns = [(name, *(row[name] for row in rows)) for name in rows[0]]
    columns = [column for column in columns if any(column[1:])] or columns
    beside = [(_flat(name), *values) for name, *values in columns]
    shared: list[tuple[str, ...]] = []
    lines = _turned(columns)
    if not fits(lines):
        beside = [(_flat(name), *values) for name, *values in columns]
        if fits(beside):
            lines = beside
        elif len(rows) > 1:
            shared = [column for column in columns[1:] if len(set(column[1:])) == 1]
            lines = _turned([column for column in columns if column not in shared])
    console.print(table(lines))
    if shared:
        print(f"All rows: {', '.join(f'{_flat(name)} {value}' for name, value, *_ in shared)}.")


def _turned(columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Columns as lines."""
    return list(zip(*columns, strict=True))


def _flat(name: str) -> str:
    return " ".join(name.split())
