"""The same as JSON, for programs, described by /api/openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from seicampaign.errors import unknown
from seicampaign.serve import comparison, contents, frames
from seicampaign.serve.kept import Kept, respond
from seicampaign.serve.questions import ASKED, missing, query_of, read

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

Make = Callable[[], Any]
WHERE = "Conditions: " + ", ".join(ASKED) + "; a name given twice is a choice."


def router(store: CampaignStore, kept: Kept) -> APIRouter:
    """Routes of the API. Answers carry an ETag; ask with If-None-Match what has not changed."""
    routes = APIRouter(prefix="/api")

    def answered(request: Request, key: Hashable, make: Make, **options: Any) -> Response:
        return respond(request, kept.answer(key, make, **options))

    @routes.get("/campaigns", summary="All campaigns: ns done of planned, states, rate, heartbeat")
    def campaigns(request: Request) -> Response:
        read(request)
        return answered(request, "api/campaigns", lambda: {"campaigns": contents.campaigns(store)})

    @routes.get("/campaigns/{name:path}", summary="A campaign, its simulations by pages of 100")
    def campaign(request: Request, name: str) -> Response:
        """Parameters: page, from 1, and state."""
        question = read(request, ("page", "state"))
        number, state = question.get("page", 1), question.get("state")
        return answered(
            request,
            ("api/campaign", name, number, state),
            lambda: contents.page_of(contents.status(store, name), number, state),
        )

    @routes.get("/comparison", summary="The table of store.compare()", description=WHERE)
    def compared(request: Request) -> Response:
        question = read(request, (*ASKED, "campaign", "time"))
        return answered(
            request,
            ("api/comparison", query_of(question)),
            lambda: {"rows": comparison.records(store, question)},
            revision=lambda: comparison.revision(store, question),
        )

    @routes.get("/electrolytes", summary="Stored summaries, with intervals", description=WHERE)
    def electrolytes(request: Request) -> Response:
        question = read(request, (*comparison.SUMMARISED, "campaign"))
        return answered(
            request,
            ("api/electrolytes", query_of(question)),
            lambda: {"electrolytes": comparison.electrolytes(store, question)},
        )

    @routes.get("/ranking", summary="Electrolytes by a quantity, and what stays undecided")
    def ranking(request: Request) -> Response:
        """Parameters: quantity (half_reduction), campaign and conditions."""
        question = read(request, (*comparison.SUMMARISED, "campaign", "quantity"))
        return answered(
            request,
            ("api/ranking", query_of(question)),
            lambda: {"ranking": comparison.ranking(store, question)},
        )

    @routes.get("/aligned", summary="A curve of every condition, as a plotly figure")
    def aligned(request: Request) -> Response:
        """Parameters: curve (reduction_degree), campaign and conditions."""
        question = read(request, (*ASKED, "campaign", "curve"))
        return answered(
            request,
            ("api/aligned", query_of(question)),
            lambda: comparison.aligned(store, question),
            revision=lambda: comparison.revision(store, question),
        )

    @routes.get("/plots/{kind}", summary="Curves of the seeds of one condition, as plotly figure")
    def plot(request: Request, kind: str) -> Response:
        """Parameters: campaign and conditions, or simulation."""
        if kind not in contents.PLOTS:
            raise missing(unknown("plot", kind, contents.PLOTS))
        question = read(request, (*ASKED, "campaign", "simulation"))

        def simulations() -> list[contents.Document]:
            if "simulation" in question:
                return [contents.simulation(store, question["simulation"])]
            return contents.selected(store, question)

        def revision() -> object:
            ids = [s["simulation_id"] for s in simulations()]
            return ids, contents.curves_revision(store, ids, contents.PLOTS[kind].curves)

        return answered(
            request,
            ("api/plots", kind, query_of(question)),
            lambda: contents.plot(store, kind, simulations()),
            revision=revision,
        )

    @routes.get("/simulations/{simulation_id}", summary="The document of a simulation")
    def simulation(request: Request, simulation_id: str) -> Response:
        read(request)
        return answered(
            request,
            ("api/simulation", simulation_id),
            lambda: contents.simulation(store, simulation_id),
        )

    @routes.get("/simulations/{simulation_id}/frames", summary="Steps and times of its frames")
    def times(request: Request, simulation_id: str) -> Response:
        read(request)
        contents.simulation(store, simulation_id)
        return answered(
            request,
            ("api/frames", simulation_id),
            lambda: frames.times(store, simulation_id),
            revision=lambda: frames.revision(store, simulation_id),
        )

    @routes.get(
        "/simulations/{simulation_id}/frames/{number}",
        summary="A frame, from 0, coloured by phase: a WebP picture",
    )
    def frame(request: Request, simulation_id: str, number: int) -> Response:
        read(request)
        contents.simulation(store, simulation_id)
        return answered(
            request,
            ("api/frame", simulation_id, number),
            lambda: frames.picture(store, simulation_id, number),
            revision=lambda: frames.step(store, simulation_id, number),
            media="image/webp",
        )

    return routes
