"""Physics of a frame and of a curve: phases, reduction, growth.

Nothing here knows of a database: arrays and `ase.Atoms` in, numbers out.
"""

from seicampaign.analysis.curves import (
    SeedSpread,
    SizeSpread,
    seed_spread,
    spread_by_size,
    time_to_value,
    values_at,
)
from seicampaign.analysis.frame import FrameAnalysis, classify, classify_frame
from seicampaign.analysis.growth import Fit, Interval, Verdict, fit, growth_law, seed_interval
from seicampaign.analysis.images import Images
from seicampaign.analysis.laws import LAWS
from seicampaign.analysis.phases import Phase
from seicampaign.analysis.quantities import CURVES, Quantity, frame_curves
from seicampaign.analysis.running import RUNNING_CURVES, Running
from seicampaign.analysis.thresholds import ANALYSIS_VERSION, Thresholds
from seicampaign.analysis.timeline import CurveRow, Frames, analyse

__all__ = [
    "ANALYSIS_VERSION",
    "CURVES",
    "LAWS",
    "RUNNING_CURVES",
    "CurveRow",
    "Fit",
    "FrameAnalysis",
    "Frames",
    "Images",
    "Interval",
    "Phase",
    "Quantity",
    "Running",
    "SeedSpread",
    "SizeSpread",
    "Thresholds",
    "Verdict",
    "analyse",
    "classify",
    "classify_frame",
    "fit",
    "frame_curves",
    "growth_law",
    "seed_interval",
    "seed_spread",
    "spread_by_size",
    "time_to_value",
    "values_at",
]
