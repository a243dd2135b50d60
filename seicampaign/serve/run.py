"""The server itself: where it listens, who may read, and its end."""

from __future__ import annotations

import logging
import re
import secrets
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from seicampaign.errors import SettingsError
from seicampaign.serve.app import create_app
from seicampaign.serve.guard import LOOPBACK

if TYPE_CHECKING:
    from seicampaign.store import CampaignStore


def serve(
    store: CampaignStore,
    *,
    host: str = "127.0.0.1",
    port: int = 8800,
    token: bool = False,
    said: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve pages until Ctrl-C.

    Parameters
    ----------
    host
        Address to listen on. Any but loopback makes a token necessary.
    port
        0 takes a free one.
    token
        Ask for a token on loopback too, where others have accounts on this machine.
    said
        Is told the address to open, once connections are accepted.

    Raises
    ------
    SettingsError
        If the address cannot be listened on.
    """
    import uvicorn

    local = is_loopback(host)
    secret = secrets.token_urlsafe(24) if token or not local else None
    listening = _listen(host, port)
    app = create_app(store, token=secret, hosts=LOOPBACK if local else None)
    _log_without_secrets(logging.getLogger("uvicorn.error"))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    said(_address(listening, local, host) + (f"?token={secret}" if secret else ""))
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()


class Redacted(logging.Formatter):
    """What is logged, without the accounts that an address in it may name."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record with its traceback."""
        return re.sub(r"://[^\s/]*@", "://***@", super().format(record))


def _log_without_secrets(log: logging.Logger) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted("%(levelname)s: %(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.WARNING)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Headers and body are two writes: Nagle's algorithm would hold the second for 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        raise SettingsError(
            f"{host} port {port} cannot be listened on: {error.strerror or error}. Take another "
            "port (--port 0 finds a free one) or an address of this machine."
        ) from None
    return listening


def _address(listening: socket.socket, local: bool, host: str) -> str:
    port = listening.getsockname()[1]
    name = host if local else socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
