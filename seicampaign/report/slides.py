"""Snapshots of a trajectory coloured by phase, small enough for a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seicampaign.analysis import classify_frame
from seicampaign.report.snapshot import MARGIN, render, scene

if TYPE_CHECKING:
    from PIL.Image import Image

    from seicampaign.trajectory import Trajectory

WIDTH = 960
FRONT = 14.0
"""Atoms deeper than this behind those in front (A) are hidden anyway."""
BAR = 20.0
"""Length of the scale, A."""
STRIP = 28
"""Pixels below the picture for it."""


class Slide(NamedTuple):
    """One snapshot: its time (ps), and the picture as the address of an image."""

    time: float
    image: str


def slides(trajectory: Trajectory, count: int = 6) -> list[Slide]:
    """Snapshots spread over a trajectory, the first and the last frame among them.

    Spread evenly in the logarithm of time, as growth is.
    """
    times = np.asarray(trajectory.times)
    if not len(times):
        return []
    wanted = np.geomspace(1.0, len(times), min(count, len(times))) - 1
    frames = np.unique(np.round(wanted).astype(int))
    return [Slide(float(times[n]), _address(picture(trajectory, int(n)))) for n in frames]


def picture(trajectory: Trajectory, frame: int) -> bytes:
    """A frame coloured by phase, as WebP."""
    from PIL import Image

    shown = scene(classify_frame(trajectory.frame(frame)))
    front = shown.depth <= FRONT
    visible = shown._replace(
        x=shown.x[front],
        y=shown.y[front],
        depth=shown.depth[front],
        radius=shown.radius[front],
        colour=shown.colour[front],
    )
    drawn = Image.fromarray((np.clip(render(visible, WIDTH), 0, 1) * 255).astype(np.uint8))
    file = io.BytesIO()
    whole = _with_scale(drawn, drawn.width / (shown.width + 2 * MARGIN))
    whole.save(file, "WEBP", quality=60, method=2)
    return file.getvalue()


def _with_scale(drawn: Image, pixels_per_angstrom: float) -> Image:
    """The picture over a bar that says how large it is."""
    from PIL import Image, ImageDraw, ImageFont

    found = Image.new("RGB", (drawn.width, drawn.height + STRIP), "white")
    found.paste(drawn)
    pen = ImageDraw.Draw(found)
    left, middle = MARGIN * pixels_per_angstrom, drawn.height + STRIP // 2
    right = left + BAR * pixels_per_angstrom
    pen.line([(left, middle), (right, middle)], fill="black", width=4)
    font = ImageFont.load_default(STRIP * 0.6)
    pen.text((right + 8, middle), f"{BAR / 10:g} nm", fill="black", font=font, anchor="lm")
    return found


def _address(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode()
