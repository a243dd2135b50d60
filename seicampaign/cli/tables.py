"""Tables for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PIPE_WIDTH = 160


def show_table(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Print rows that share their columns."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print(f"{title}: nothing yet.")
        return
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
