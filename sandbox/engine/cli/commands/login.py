"""`pulumi login` and `pulumi logout`"""

from __future__ import annotations

import getpass
import socket

from sandbox.engine.backend.filestate import FileBackend
from sandbox.engine.cli.errors import UsageError
from sandbox.engine.cli.session import Session


def login(session: Session) -> None:
    """Remembers a backend as the current one, after opening it."""
    url = _url(session) or session.backend_url
    backend = FileBackend(url, session.folder)
    session.home.log_in(backend.url)
    session.print(f"Logged in to {socket.gethostname()} as {getpass.getuser()} ({backend.url})")


def logout(session: Session) -> None:
    """Forgets a backend, or all of them."""
    if session.flags.on("all"):
        session.home.log_out(None)
        session.print("Logged out of everything")
        return
    url = _url(session) or session.backend_url
    session.home.log_out(url)
    session.print(f"Logged out of {url}")


def _url(session: Session) -> str | None:
    given = [*session.arguments]
    if session.flags.text("cloud-url"):
        given.append(session.flags.text("cloud-url"))
    if session.flags.on("local"):
        given.append("file://~")
    if len(given) > 1:
        raise UsageError("only one of --cloud-url, --local and an address can be given")
    return given[0] if given else None
