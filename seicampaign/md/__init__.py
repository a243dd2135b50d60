"""LAMMPS segments: what is asked of LAMMPS, its input, its run, and what it gives back."""

from __future__ import annotations

from seicampaign.md.dump import DumpStream, Frame
from seicampaign.md.grade import Extrapolation, GradeSettings, SegmentGrading
from seicampaign.md.inputs import PairPotential, SegmentInput
from seicampaign.md.parameters import MDParameters
from seicampaign.md.segment import Batch, SegmentResult, run_segment

__all__ = [
    "Batch",
    "DumpStream",
    "Extrapolation",
    "Frame",
    "GradeSettings",
    "MDParameters",
    "PairPotential",
    "SegmentGrading",
    "SegmentInput",
    "SegmentResult",
    "run_segment",
]
