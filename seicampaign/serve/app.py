"""The application: pages and API behind the guard, and errors as people and programs read them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from seicampaign.errors import SEICampaignError, StoreError
from seicampaign.serve import api, pages
from seicampaign.serve.guard import LOOPBACK, Guard
from seicampaign.serve.kept import FRESH, Kept
from seicampaign.serve.render import page

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore

log = logging.getLogger(__name__)
READ_ONLY = {"GET", "HEAD"}


def create_app(
    store: CampaignStore,
    *,
    token: str | None = None,
    hosts: frozenset[str] | None = LOOPBACK,
    fresh: float = FRESH,
) -> FastAPI:
    """Pages and API of a store, read-only.

    Parameters
    ----------
    token
        What every request must bring; None lets everyone read.
    hosts
        Names in ``Host`` that are answered; None for any.
    fresh
        Seconds for which an answer is given again without a look at the database.
    """
    app = FastAPI(
        title="seicampaign",
        description="Campaigns, comparisons and simulations, read-only.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    store.database  # noqa: B018  # one client, before threads ask for it
    kept = Kept(fresh)
    app.include_router(api.router(store, kept))
    app.include_router(pages.router(store, kept))
    app.add_middleware(Guard, token=token, hosts=hosts)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong)
    app.add_exception_handler(SEICampaignError, _failed)
    app.add_exception_handler(Exception, _unexpected)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _said(request, error.status_code, str(error.detail))


def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _said(request, 400, "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors()))


def _failed(request: Request, error: Exception) -> Response:
    return _said(request, 503 if isinstance(error, StoreError) else 400, str(error))


def _unexpected(request: Request, error: Exception) -> Response:
    return _said(request, 500, "An error of this server: its terminal says which.")


def _said(request: Request, status: int, reason: str) -> Response:
    if request.url.path.startswith("/api"):
        return JSONResponse({"detail": reason}, status)
    html = page("error.html", title=f"{status}", reason=reason)
    return Response(html, status, media_type="text/html; charset=utf-8")
