"""Frames as lines of text, of fixed width, whole tables at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK, MINUS, POINT, NEWLINE, ZERO = b" -.\n0"


class TextTable:
    """Rows of numbers behind labels that never change.

    Formatting number by number takes most of the time of writing text; here each digit of all
    numbers is made at once.

    Parameters
    ----------
    labels
        What each row begins with.
    decimals
        Digits behind the point.
    """

    def __init__(self, labels: Sequence[str], decimals: int) -> None:
        width = max(len(label) for label in labels)
        padded = "".join(label.ljust(width) for label in labels)
        self._labels = np.frombuffer(padded.encode(), np.uint8).reshape(len(labels), width)
        self._decimals = decimals

    def rows(self, values: NDArray[np.float64]) -> bytes:
        """The lines of a table of numbers, shape (rows, columns)."""
        scaled = np.rint(values * 10.0**self._decimals).astype(np.int64)
        fields = _digits(scaled, self._decimals)
        rows, width = self._labels.shape
        table = np.empty((rows, width + fields[0].size + 1), np.uint8)
        table[:, :width] = self._labels
        table[:, width:-1] = fields.reshape(rows, -1)
        table[:, -1] = NEWLINE
        return table.tobytes()


def _digits(values: NDArray[np.int64], decimals: int) -> NDArray[np.uint8]:
    """Characters of integers with a decimal point put in, shape (..., width), a blank first."""
    rest, minus = np.abs(values), values < 0
    digits = max(len(str(rest.max(initial=0))), decimals + 1)
    characters = []
    for digit in range(digits):
        if digit == decimals > 0:
            characters.append(np.full(values.shape, POINT, np.uint8))
        tens = rest // 10
        character = (rest - 10 * tens + ZERO).astype(np.uint8)
        if digit > decimals:
            character, minus = _before(rest > 0, character, minus)
        characters.append(character)
        rest = tens
    characters.append(_before(np.zeros_like(minus), characters[0], minus)[0])
    characters.append(np.full(values.shape, BLANK, np.uint8))
    return np.stack(characters[::-1], axis=-1)


def _before(
    shown: NDArray[np.bool_], character: NDArray[np.uint8], minus: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A place before the last digit of a whole number: a digit, else the sign, else a blank."""
    sign = np.where(minus, np.uint8(MINUS), np.uint8(BLANK))
    return np.where(shown, character, sign), minus & shown
