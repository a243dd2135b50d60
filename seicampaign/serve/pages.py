"""The pages, and the parts of them that are fetched again while they are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from seicampaign.campaign.status import title as simulation_title
from seicampaign.serve import comparison, contents
from seicampaign.serve.kept import Answer, Kept, respond
from seicampaign.serve.questions import ASKED, Question, query_of, read
from seicampaign.serve.render import page, static

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

HTML = "text/html; charset=utf-8"
COMPARED = (*ASKED, "campaign", "time", "curve")


def router(store: CampaignStore, kept: Kept) -> APIRouter:
    """Routes of the pages."""
    routes = APIRouter(include_in_schema=False)

    def whole(request: Request, title: str, url: str, answer: Answer, **values: Any) -> Response:
        html = page(
            values.pop("template", "page.html"),
            title=title,
            live=url,
            part=answer.body.decode(),
            **values,
        )
        return Response(html, media_type=HTML, headers={"Cache-Control": "no-cache"})

    def list_of_campaigns() -> Answer:
        return kept.answer(
            "campaigns",
            lambda: page("campaigns.html", campaigns=contents.campaigns(store)),
            media=HTML,
        )

    def campaign_rows(question: Question) -> Answer:
        name, number, state = (question.get(k) for k in ("campaign", "page", "state"))
        key = ("campaign", name, number, state)

        def make() -> str:
            found = contents.page_of(contents.status(store, str(name)), number or 1, state)
            return page("campaign.html", **found)

        return kept.answer(key, make, media=HTML)

    def compared(question: Question) -> Answer:
        own = {k: v for k, v in question.items() if k != "curve"}
        return kept.answer(
            ("comparison", query_of(own)),
            lambda: page("comparison.html", **comparison.part(store, own)),
            revision=lambda: comparison.revision(store, own),
            media=HTML,
        )

    def one_simulation(simulation_id: str) -> Answer:
        def make() -> str:
            document = contents.simulation(store, simulation_id)
            (row,) = contents.rows(store, [simulation_id])
            more = contents.provenance(store, document)
            return page("simulation.html", document=document, row=row, **more)

        return kept.answer(("simulation", simulation_id), make, media=HTML)

    @routes.get("/")
    def home(request: Request) -> Response:
        read(request)
        return whole(request, "Campaigns", "/parts/campaigns", list_of_campaigns())

    @routes.get("/parts/campaigns")
    def campaigns_part(request: Request) -> Response:
        read(request)
        return respond(request, list_of_campaigns())

    @routes.get("/campaigns/{name:path}")
    def campaign(request: Request, name: str) -> Response:
        question = read(request, ("page", "state", "plots")) | {"campaign": name}
        number = question.pop("plots", 1)
        answer = campaign_rows(question)
        drawn, pages = contents.groups_page(store, name, number)
        return whole(
            request,
            name,
            f"/parts/campaign?{query_of(question)}",
            answer,
            template="campaign_page.html",
            name=name,
            groups=drawn,
            number=number,
            pages=pages,
        )

    @routes.get("/parts/campaign")
    def campaign_part(request: Request) -> Response:
        return respond(request, campaign_rows(read(request, ("campaign", "page", "state"))))

    @routes.get("/comparison")
    def comparison_page(request: Request) -> Response:
        question = read(request, COMPARED)
        answer = compared(question)
        own = {k: v for k, v in question.items() if k != "curve"}
        return whole(
            request,
            f"Comparison of {question.get('campaign', 'all campaigns')}",
            f"/parts/comparison?{query_of(own)}",
            answer,
            template="comparison_page.html",
            query=query_of(comparison.conditions_of(question)),
            curves=comparison.CURVES,
        )

    @routes.get("/parts/comparison")
    def comparison_part(request: Request) -> Response:
        return respond(request, compared(read(request, COMPARED)))

    @routes.get("/simulations/{simulation_id}")
    def simulation(request: Request, simulation_id: str) -> Response:
        read(request)
        document = contents.simulation(store, simulation_id)
        return whole(
            request,
            simulation_title(document),
            f"/parts/simulation?simulation={simulation_id}",
            one_simulation(simulation_id),
            template="simulation_page.html",
            simulation_id=simulation_id,
            kinds=contents.PLOTS,
        )

    @routes.get("/parts/simulation")
    def simulation_part(request: Request) -> Response:
        question = read(request, ("simulation",))
        return respond(request, one_simulation(question.get("simulation", "")))

    @routes.get("/static/{name}")
    def file(request: Request, name: str) -> Response:
        return respond(request, static(name))

    return routes
