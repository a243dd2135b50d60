"""A frame coloured by phase, as in Figure 4 of Chaney et al. (2024): a picture, or atoms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seicampaign.analysis import FrameAnalysis, Phase, classify_frame
from seicampaign.analysis.profile import normal_axis
from seicampaign.report.spheres import paint

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

COLOURS: dict[Phase, str] = {
    Phase.ANODE: "#aeb4bf",
    Phase.CRYSTALLINE: "#2a6fbb",
    Phase.AMORPHOUS: "#d1495b",
    Phase.ELECTROLYTE: "#e8b53a",
}
NAMES: dict[Phase, str] = {
    Phase.ANODE: "metal",
    Phase.CRYSTALLINE: "crystalline",
    Phase.AMORPHOUS: "amorphous",
    Phase.ELECTROLYTE: "electrolyte",
}
RADII = {3: 0.75, 15: 1.2, 9: 1.2, 16: 1.45, 34: 1.55, 17: 1.45, 35: 1.55, 53: 1.75}
METAL_RADIUS = 1.35
PIXELS_PER_ANGSTROM = 16
MAX_PIXELS = 4800
MARGIN = 2.0
"""Around the cell, A."""
HAZE = 0.35
"""How far the colour of the atoms at the back has faded."""


class Scene(NamedTuple):
    """Spheres to draw: `x`, `y` and `depth` (N,) in Angstrom, the viewer at small depths."""

    x: Floats
    y: Floats
    depth: Floats
    radius: Floats
    colour: Floats
    width: float
    height: float


def snapshot(atoms: Atoms, path: Path | str, *, title: str = "") -> Path:
    """Draw a frame from the side, the middle of the anode at both ends, coloured by phase.

    Parameters
    ----------
    atoms
        As for `classify_frame`.
    path
        Picture to write; its suffix decides the format.
    """
    found = classify_frame(atoms)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _figure(scene(found), found, title).savefig(path, dpi=200)
    return path


def coloured(atoms: Atoms, found: FrameAnalysis) -> Atoms:
    """The frame, wrapped, for a viewer: arrays `phase`, `color` and `radius`, tags by phase."""
    from ase import Atoms

    shown = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    shown.wrap()
    shown.set_tags(found.phase.astype(int))
    shown.set_array("phase", found.phase.astype(int))
    shown.set_array("color", _colours(found.phase))
    shown.set_array("radius", _radii(found))
    shown.info.update({str(int(phase)): name for phase, name in NAMES.items()})
    return shown


def scene(found: FrameAnalysis) -> Scene:
    """Look along the plane of the interfaces, the normal from left to right."""
    box = found.contents
    axis = normal_axis(box, found.phase)
    along = box.cell[0] / np.linalg.norm(box.cell[0])
    normal = np.cross(box.cell[0], box.cell[1])
    into = np.cross(normal / np.linalg.norm(normal), along)
    in_plane = box.fractional[:, :2] @ box.cell[:2]
    y, depth = in_plane @ along, in_plane @ into
    return Scene(
        axis.s * axis.height,
        y - y.min(),
        depth - depth.min(),
        _radii(found),
        _colours(found.phase),
        axis.height,
        float(np.ptp(y)),
    )


def render(shown: Scene, most_pixels: int = MAX_PIXELS) -> Floats:
    """(H, W, 3) picture of shaded spheres, those in front before those behind."""
    scale = min(PIXELS_PER_ANGSTROM, most_pixels / shown.width)
    rows, columns = np.ceil((np.array([shown.height, shown.width]) + 2 * MARGIN) * scale)
    haze = HAZE * shown.depth / max(float(shown.depth.max()), 1e-9)
    colour = shown.colour + (1 - shown.colour) * haze[:, None]
    row, column = (shown.height - shown.y + MARGIN) * scale, (shown.x + MARGIN) * scale
    front = np.argsort(-shown.depth, kind="stable")[::-1]
    radius = shown.radius * scale
    size = int(rows), int(columns)
    return paint(size, row[front], column[front], radius[front], colour[front])


def _figure(shown: Scene, found: FrameAnalysis, title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    picture = render(shown)
    width = 9.0
    figure = Figure(figsize=(width, width * picture.shape[0] / picture.shape[1] + 1.1))
    figure.set_layout_engine("constrained")
    ax = figure.subplots()
    extent = (-MARGIN, shown.width + MARGIN, -MARGIN, shown.height + MARGIN)
    ax.imshow(np.clip(picture, 0, 1), extent=extent, interpolation="antialiased")
    ax.set_yticks([])
    ax.set_xlabel("along the normal, from the middle of the anode (Å)")
    ax.spines[["top", "left", "right"]].set_visible(False)
    if title:
        ax.set_title(title, fontsize=10)
    share = np.bincount(found.phase, minlength=len(Phase)) / len(found.phase)
    handles = [
        Line2D([], [], marker="o", ls="", ms=8, color=COLOURS[p], label=f"{name} {share[p]:.0%}")
        for p, name in NAMES.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure


def _colours(phase: NDArray[np.int8]) -> Floats:
    from matplotlib.colors import to_rgb

    return np.array([to_rgb(COLOURS[p]) for p in Phase])[phase]


def _radii(found: FrameAnalysis) -> Floats:
    radii = np.array([RADII.get(z, 1.0) for z in range(60)])[found.contents.numbers]
    metal = (found.phase == Phase.ANODE) & (found.contents.numbers == 3)
    return np.where(metal, METAL_RADIUS, radii)
