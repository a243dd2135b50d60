"""Who may read: hosts that a loopback server answers to, and the token of any other."""

from __future__ import annotations

from secrets import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "seicampaign-token"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Scripts are those this server has as files; plotly.js sets styles of its own."""


class Guard:
    """Middleware in front of everything.

    Parameters
    ----------
    token
        What a request must bring: as ``Authorization: Bearer``, in the cookie, or once as
        ``?token=``, which sets the cookie. None lets everyone read.
    hosts
        The names this server answers to; another one in ``Host`` is a page elsewhere whose name
        was pointed here to read along. None for any.
    """

    def __init__(
        self, app: ASGIApp, token: str | None = None, hosts: frozenset[str] | None = LOOPBACK
    ) -> None:
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on; every answer says what a browser may do with it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        request = Request(scope)
        refusal = self._wrong_host(request) or self._wrong_token(request)
        await (refusal or self.app)(scope, receive, marked)

    def _wrong_host(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if self.hosts is None or name.lower() in self.hosts:
            return None
        return PlainTextResponse("This server is for this machine: call it localhost.\n", 400)

    def _wrong_token(self, request: Request) -> Response | None:
        if self.token is None:
            return None
        given = request.query_params.get("token")
        if given is not None and self._is_right(given):
            return self._let_in(request)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        bearer = bearer if scheme.lower() == "bearer" else ""
        if self._is_right(bearer) or self._is_right(request.cookies.get(COOKIE, "")):
            return None
        return PlainTextResponse(
            "This server wants a token: open the address that `seicampaign serve` printed, or "
            "send it as `Authorization: Bearer TOKEN`.\n",
            401,
            {"WWW-Authenticate": "Bearer"},
        )

    def _let_in(self, request: Request) -> Response:
        """Set the cookie, and take the token out of the address, which browsers remember."""
        rest = [(k, v) for k, v in request.query_params.multi_items() if k != "token"]
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(f"{path}?{urlencode(rest)}" if rest else path, 303)
        response.set_cookie(COOKIE, self.token or "", httponly=True, samesite="strict")
        return response

    def _is_right(self, given: str) -> bool:
        return compare_digest(given.encode(), (self.token or "").encode())
