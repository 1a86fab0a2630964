"""The stand-in's HTTP server, on a port of the loopback interface."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.runpod.application import Application, LogRequest, Request, Response
from sandbox.runpod.log_stream import count_lines, events

_MOST_BYTES = 32 << 20
_FOLLOW_SECONDS = 0.1
_NO_BODY = (204,)


class HttpServer(ThreadingHTTPServer):
    """Serves an application; logs are streamed until the client or the pod is gone."""

    daemon_threads = True

    def __init__(self, application: Application, console: Callable[[str], bytes], port: int = 0) -> None:
        self.application = application
        self.console = console
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def log_message(self, format: str, *args: object) -> None:
        """Single calls are not logged."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_BYTES:
            self.close_connection = True
            self.send_error(413)
            return
        body = self.rfile.read(length)
        request = Request.of(self.command, self.path, dict(self.headers.items()), body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._write(self.server.application(request))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method is served by the application, which refuses those that it does not know."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.log is not None:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Cache-Control", "no-cache")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            self._stream(response.log)
            return
        if response.status not in _NO_BODY:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.status not in _NO_BODY:
            self.wfile.write(response.body)

    def _stream(self, wanted: LogRequest) -> None:
        shown = 0
        first = True
        while first or not select.select([self.connection], [], [], _FOLLOW_SECONDS)[0]:
            console = self.server.console(wanted.pod)
            found = events(console, wanted.created_at, tail=wanted.tail, after=wanted.after, skip=shown)
            if first or count_lines(console) > shown:
                for event in found:
                    self.wfile.write(event)
                self.wfile.flush()
            shown, first = count_lines(console), False
