"""Debian's Prometheus scrapes the exporter, and a fault of each kind makes its alert fire.

The exporter, its server, the alerts and the dashboard are those that ship. The jobs are made here.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from support.exported_jobs import ago, listed
from support.fetched_tools import debian_package
from support.sessions import fake_session

from runctl_auto.jobs.session import Time
from runctl_auto.observe.metrics.scrape_server import ScrapeServer
from runctl_auto.operations import exporter
from runctl_auto.operations.export_monitoring import export_monitoring
from runctl_auto.operations.exporter import Exporter
from runctl_auto.operations.leaks import LeaksResult, find_leaks

pytestmark = pytest.mark.matrix

PATIENCE_SECONDS = 180
ALERTS = {
    "RunctlNoHeartbeat": "silent",
    "RunctlBudgetNear": "spender",
    "RunctlCheckpointTooOld": "careless",
    "RunctlLeak": None,
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return debian_package(tmp_path_factory.mktemp("prometheus"), "prometheus") / "usr" / "bin"


@pytest.fixture
def monitoring(tmp_path: Path) -> Path:
    export_monitoring(tmp_path / "monitoring")
    return tmp_path / "monitoring"


ORPHAN = SimpleNamespace(comparison=SimpleNamespace(orphans=("volume",), overdue=(), gone=()))
"""What is found in a region with one orphan."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScrapeServer]:
    """The exporter of four jobs, of which three have a fault, and of a leak."""

    def jobs(session: Any) -> list[Any]:
        now = datetime.now(timezone.utc)
        return [
            listed("well", now=now, spec={"budget": 100}),
            listed("silent", now=now, updated_at=ago(600, now)),
            listed("spender", now=now, spec={"budget": 1.0}),
            listed(
                "careless",
                now=now,
                checkpoints={"count": 1, "last": "00000001", "last_at": ago(7000, now)},
                machines=[],
            ),
        ]

    def leaks(session: Any, options: Any) -> LeaksResult:
        return LeaksResult("1", 4, (ORPHAN,), (), (), datetime.now(timezone.utc))  # type: ignore[arg-type]

    monkeypatch.setattr(exporter, "list_jobs", jobs)
    search = create_autospec(find_leaks, side_effect=leaks)
    found = Exporter(fake_session(tmp_path, time=Time()), every=1.0, leaks_every=1.0, search=search)
    with ScrapeServer("127.0.0.1", 0, found.text) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Prometheus:
    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, path: str) -> Any:
        with urlopen(f"http://{self._address}/api/v1/{path}", timeout=30) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def until(self, path: str, wanted: Any) -> Any:
        """What ``path`` gives once it is ``wanted``."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        found = None
        while time.monotonic() < deadline:
            try:
                found = self.get(path)
            except OSError:
                found = None
            if found is not None and wanted(found):
                return found
            time.sleep(0.5)
        pytest.fail(f"{path} never was as it should be: {found}")


@pytest.fixture
def prometheus(
    programs: Path, monitoring: Path, server: ScrapeServer, tmp_path: Path
) -> Iterator[Prometheus]:
    """Prometheus with the files that ship; only how often, how long and where is changed."""
    config = monitoring / "prometheus.yml"
    text = config.read_text().replace("127.0.0.1:9488", f"127.0.0.1:{server.server_address[1]}")
    config.write_text(text.replace("_interval: 30s", "_interval: 1s"))
    rules = monitoring / "runctl-alerts.yml"
    rules.write_text(re.sub(r"for: \d+m", "for: 1s", rules.read_text()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [
                programs / "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield Prometheus(address)
        finally:
            process.terminate()
            process.wait(60)


def checked(programs: Path, *what: str, given: bytes = b"") -> tuple[int, bytes]:
    """The exit code of `promtool check`, and what it says."""
    command = [programs / "promtool", "check", *what]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_promtool_accepts_what_ships(programs: Path, monitoring: Path, server: ScrapeServer) -> None:
    for check in (("rules", "runctl-alerts.yml"), ("config", "prometheus.yml")):
        code, told = checked(programs, *check[:1], str(monitoring / check[1]))
        assert code == 0, told
    with urlopen(server.url, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read()
    assert checked(programs, "metrics", given=text) == (0, b"")


def test_a_fault_of_each_kind_fires_its_alert(prometheus: Prometheus) -> None:
    def fires(found: Any) -> bool:
        firing = {each["labels"]["alertname"] for each in found["alerts"] if each["state"] == "firing"}
        return firing >= ALERTS.keys()

    alerts = prometheus.until("alerts", fires)["alerts"]
    told = {(each["labels"]["alertname"], each["labels"].get("job_name")) for each in alerts}
    assert told == set(ALERTS.items()), "and no alert for what is well"
    for each in alerts:
        assert "{{" not in json.dumps(each["annotations"])


def test_every_query_of_the_dashboard_finds_something(prometheus: Prometheus, monitoring: Path) -> None:
    prometheus.until("query?query=runctl_jobs", lambda found: found["result"])
    prometheus.until("query?query=rate(runctl_look_seconds[1m])", lambda found: found["result"])
    dashboard = json.loads((monitoring / "runctl-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) > 20
    empty = []
    for query in queries:
        asked = query.replace("$job_name", ".*").replace("$metric", ".*").replace("[5m]", "[1m]")
        if not prometheus.get(f"query?query={quote(asked)}")["result"]:
            empty.append(query)
    assert empty == [query for query in queries if "network_sent" in query], "which these jobs do not know"
