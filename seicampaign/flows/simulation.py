"""One simulation as a flow: build the interface, run its segments, analyse."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobflow import Flow, Maker
from jobflow.core.flow import JobOrder

from seicampaign.documents import Simulation
from seicampaign.jobs import AnalysisMaker, InterfaceMaker, MDSegmentMaker


@dataclass
class SimulationFlowMaker(Maker):
    """Interface, then as many segments as the planned length takes, then analysis.

    The flow carries the identity of the simulation. What is to be done is in the store:
    `seicampaign.Campaign.launch` registers it there before a flow is made.
    """

    name: str = "simulation"
    interface_maker: InterfaceMaker = field(default_factory=InterfaceMaker)
    segment_maker: MDSegmentMaker = field(default_factory=MDSegmentMaker)
    analysis_maker: AnalysisMaker = field(default_factory=AnalysisMaker)

    def make(self, simulation: Simulation) -> Flow:
        """Make the flow of a registered simulation."""
        jobs = [
            self.interface_maker.make(simulation.interface, simulation.interface_id),
            self.segment_maker.make(simulation.id),
            self.analysis_maker.make(simulation.id),
        ]
        flow = Flow(jobs, name=simulation.title, order=JobOrder.LINEAR)
        flow.update_metadata({"simulation": simulation.id})
        flow.update_config({"manager_config": {"simulation": simulation.id}})
        return flow
