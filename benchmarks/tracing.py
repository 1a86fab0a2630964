"""What tracing costs an `up --yes --detach`, to a collector on this machine and to a file.

The digits environment without its training, in a warm sandbox, created anew each time; rounds take turns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.command_line import RUNCTL, run
from benchmarks.up_overhead import job_without_training

BAR = 1.05


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    job = job_without_training(folder)
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        with _collector() as url:
            ways = {
                "off": {},
                "collector": {"OTEL_EXPORTER_OTLP_ENDPOINT": url},
                "file": {"RUNCTL_TRACE_FILE": str(folder / "trace.jsonl")},
            }
            walls: dict[str, list[float]] = {way: [] for way in ways}
            cpus: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(rounds + 1):  # the first round warms caches and is discarded
                for way, variables in ways.items():
                    wall, cpu = _round(folder, job, variables)
                    walls[way].append(wall)
                    cpus[way].append(cpu)
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])
    for way in ways:
        print(f"  up, {way}: {median(walls[way][1:]):.2f} s, {median(cpus[way][1:]):.2f} s CPU of its own")
    for way in ("collector", "file"):
        pairs = zip(walls[way][1:], walls["off"][1:], strict=True)
        ratio = median(on / off for on, off in pairs)
        cpu = median(cpus[way][1:]) / median(cpus["off"][1:])
        print(f"  up, {way} over off: ratio {ratio:.3f} (bar: {BAR}), of CPU {cpu:.3f}")


def _round(folder: Path, job: Path, variables: dict[str, str]) -> tuple[float, float]:
    spent = run(folder, [RUNCTL, "--sandbox", "up", str(job), "--yes", "--detach"], env=variables)[1]
    run(folder, [RUNCTL, "--sandbox", "down", "digits", "--yes", "--grace", "0", "--discard-artifacts"])
    return spent.wall, spent.cpu


@contextmanager
def _collector() -> Iterator[str]:
    """The address of a collector that takes all and keeps nothing."""

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Takes) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
