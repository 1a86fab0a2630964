"""The dashboard of made-up jobs on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import create_autospec

import uvicorn
from support.jobs_at_a_glance import look_at

from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.looking import Looking
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.app import application
from runctl_auto.pages.web.guard import Guard, Names
from runctl_auto.pages.web.server import Place, bound

TOKEN = "made-up"


@dataclass
class ServedPages:
    """``address`` ends with a slash. ``look`` shows other jobs."""

    address: str
    reading: Reading

    def look(self, jobs: tuple[ListedJob, ...], *notes: str) -> None:
        self.reading.looking.latest = look_at(jobs, notes)


@contextmanager
def served_pages(
    jobs: tuple[ListedJob, ...], session: Session, leaks: Mapping[str, Any] | None = None
) -> Iterator[ServedPages]:
    """Serves the pages of ``jobs``; nobody looks again."""
    reading = Reading.of(session, lambda _session: leaks or {})
    reading.looking = create_autospec(Looking, instance=True, latest=look_at(jobs), problem=None)
    with bound(Place()) as listening:
        app = Guard(application(reading), TOKEN, Names())
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield ServedPages(f"http://127.0.0.1:{listening.getsockname()[1]}/{TOKEN}/", reading)
        finally:
            server.should_exit = True
            thread.join()
