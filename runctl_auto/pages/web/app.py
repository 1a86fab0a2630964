"""The dashboard as an application of Starlette."""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from runctl_auto.errors import JobNotFoundError, RunctlError
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.looks.sorting import Shown
from runctl_auto.pages.web.links import Links
from runctl_auto.pages.web.rendering import asset
from runctl_auto.pages.web.views import (
    costs_page,
    index_page,
    job_page,
    leaks_page,
    leaks_word,
    receipts_page,
    refused_page,
)

_LINKS = Links()
_ASSETS = {"style.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}
_NUMBER = re.compile(r"[0-9]{1,8}")


def application(reading: Reading) -> Starlette:
    """Pages of what ``reading`` reads. Whom they are served to is not its concern."""
    pages = _Pages(reading)
    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/costs", pages.costs),
            Route("/leaks", pages.leaks),
            Route("/receipts", pages.receipts),
            Route("/look", pages.look),
            Route("/job-{name}", pages.job),
            Route("/log-{name}", pages.log),
            *(Route(f"/{name}", pages.asset, name=name) for name in _ASSETS),
            Route("/{name:path}", pages.nothing),
        ],
        exception_handlers={JobNotFoundError: _no_such_job},
    )


class _Pages:
    """The endpoints. Starlette runs them in threads, since they block."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def index(self, request: Request) -> Response:
        asked = request.query_params
        shown = Shown(
            order=asked.get("order", "phase"),
            phase=asked.get("phase", ""),
            owner=asked.get("owner", ""),
            text=asked.get("text", "")[:100],
        )
        reading = self._reading
        return HTMLResponse(
            index_page(
                _LINKS,
                reading.look,
                shown=shown,
                problem=reading.looking.problem,
                leaks=leaks_word(reading.leaks),
            )
        )

    def job(self, request: Request) -> Response:
        name, look = str(request.path_params["name"]), self._reading.look
        if look is None:
            return self.index(request)
        return HTMLResponse(job_page(_LINKS, look, name, self._reading.details(look, name)))

    def log(self, request: Request) -> Response:
        """What is new in a job's log, as JSON: of another run from its beginning."""
        name, look = str(request.path_params["name"]), self._reading.look
        if look is None:
            return JSONResponse({"error": "the jobs are not read yet"}, status_code=503)
        after = request.query_params.get("after", "")
        listed = look.jobs.get(name)
        run = listed.facts.config.run.id if listed and listed.facts else None
        is_same = run == request.query_params.get("run") and _NUMBER.fullmatch(after) is not None
        try:
            found = self._reading.log(look, name, int(after) if is_same else None)
        except JobNotFoundError:
            raise
        except RunctlError as error:
            return JSONResponse({"error": error.what}, status_code=502)
        text = "\n".join(found.lines) + ("\n" if found.lines and found.ends_a_line else "")
        return JSONResponse({"run": found.run, "part": found.part, "text": text})

    def costs(self, request: Request) -> Response:  # noqa: ARG002
        look = self._reading.look
        if look is None:
            return HTMLResponse(costs_page(_LINKS, None, self._reading.looking.problem))
        try:
            return HTMLResponse(costs_page(_LINKS, self._reading.costs(look)))
        except RunctlError as error:
            return HTMLResponse(costs_page(_LINKS, None, error))

    def leaks(self, request: Request) -> Response:  # noqa: ARG002
        reading = self._reading
        reading.look_for_leaks()
        at = reading.look.at if reading.look else None
        return HTMLResponse(leaks_page(_LINKS, reading.leaks, at, reading.leaks_problem))

    def receipts(self, request: Request) -> Response:  # noqa: ARG002
        look = self._reading.look
        return HTMLResponse(receipts_page(_LINKS, self._reading.receipts(), look.at if look else None))

    def look(self, request: Request) -> Response:  # noqa: ARG002
        """What changes whenever a page would show something else, but for logs."""
        reading = self._reading
        at = reading.look.at.isoformat() if reading.look else ""
        leaks = reading.leaks.at if reading.leaks else ""
        problems = [each.what for each in (reading.looking.problem, reading.leaks_problem) if each]
        return JSONResponse({"version": " ".join((at, leaks, *problems)).strip()})

    def asset(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response(asset(name), media_type=_ASSETS[name])

    def nothing(self, request: Request) -> Response:  # noqa: ARG002
        return HTMLResponse(refused_page(_LINKS, "No such page", "The links above lead to all pages."), 404)


def _no_such_job(request: Request, error: Exception) -> Response:
    if request.path_params.get("name") is None or request.url.path.rpartition("/")[2].startswith("log-"):
        return PlainTextResponse("no such job\n", status_code=404)
    return HTMLResponse(refused_page(_LINKS, "No such job", f"{error} It may have been deleted."), 404)
