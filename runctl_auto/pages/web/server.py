"""Serves the dashboard on one address until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from runctl_auto.errors import UsageError
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.app import application
from runctl_auto.pages.web.guard import Guard, Names, is_loopback, new_token, own_names


@dataclass(frozen=True)
class Place:
    """Where it is served. Port 0 is a free one; ``names`` are further names by which the machine is
    reached."""

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def serve(reading: Reading, place: Place, tell: Callable[[str], None]) -> None:
    """Serves until Ctrl-C; ``tell`` hears the address once it can be opened. Blocks.

    Raises ``UsageError`` when the address is taken or not this machine's.
    """
    token = new_token()
    with bound(place) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            Guard(application(reading), token, names_of(place)),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        reading.looking.start()
        try:
            tell(f"http://{_shown_host(place)}:{port}/{token}/")
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            reading.looking.stop()


def bound(place: Place) -> socket.socket:
    """A socket that listens there. Raises ``UsageError``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise UsageError(
            f"The dashboard cannot listen on {place.host}, port {place.port}: {error.strerror or error}.",
            where={"host": place.host, "port": str(place.port)},
            next_step="Name another port with --port, or leave it out: a free one is taken.",
        ) from error
    return listening


def names_of(place: Place) -> Names:
    """What ``Host`` may be there."""
    machine = () if place.is_loopback else (socket.gethostname(), socket.getfqdn())
    return Names(loopback=place.is_loopback, names=own_names((*place.names, *machine)))


def _shown_host(place: Place) -> str:
    if place.host in ("0.0.0.0", "::"):  # noqa: S104 - told to the person who asked for it
        return socket.gethostname()
    return f"[{place.host}]" if ":" in place.host else place.host
