"""What a machine has and uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore
from support.s3_in_memory import OWNER, S3InMemory
from support.s3_web import S3Web

from runctl_auto.agent.keys import status_key
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.machine.usage import Traffic, Usage, memory_gb
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import StatusWriter, read_previous
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.run.status import parse_run_status

CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", "1", "a", "x", "s", "d", 999_990.0, None)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:        8027448 kB\nMemFree:         1000 kB\n")
    return file


def test_memory_is_what_the_system_has(memory: Path, tmp_path: Path) -> None:
    assert memory_gb(memory) == 7.656
    assert memory_gb(tmp_path / "none") is None
    memory.write_text("nothing of the kind")
    assert memory_gb(memory) is None


def test_requests_and_their_bodies_are_counted() -> None:
    traffic = Traffic()
    place = Bucket("b", "us-east-1", OWNER, "http://s3")
    requests = S3Requests(
        S3Web(S3InMemory("b")), place, lambda: Credentials("key", "secret"), count=traffic.count
    )
    requests.send("PUT", "k", body=b"12345").close()
    requests.send("GET", "k").close()
    assert traffic.totals() == (2, 5)


def test_what_an_agent_used_before_its_restart_counts_and_other_machines_are_apart(
    store: MemoryStore, clock: Clock, memory: Path
) -> None:
    def run(machine: str, requests: int) -> None:
        traffic = Traffic()
        previous = read_previous(store, status_key("r1"), "r1")
        status = StatusWriter(CONFIG, MachineIdentity(machine), store, previous=previous, clock=clock)
        status.count(Usage(traffic, cpus=lambda: 2, memory=memory))
        for _ in range(requests):
            traffic.count(10)
        status.write()

    run("i-1", 3)
    run("i-1", 4)
    run("i-2", 5)
    found = parse_run_status(store.objects[status_key("r1")], "r1").machines
    assert [(each.id, each.requests, each.sent_bytes) for each in found] == [
        ("i-1", 7, 70),
        ("i-2", 5, 50),
    ]
    assert (found[0].cpus, found[0].memory_gb) == (2, 7.656)


@pytest.mark.parametrize("usage", [{"cpus": -1}, {"requests": "x"}, {"memory_gb": 1e30}, [], "x", {}])
def test_a_usage_of_another_form_makes_the_status_unreadable(
    store: MemoryStore, clock: Clock, memory: Path, usage: object
) -> None:
    StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=clock).write()
    document = json.loads(store.objects[status_key("r1")])
    whole = {"cpus": 2, "memory_gb": 8.0, "requests": 1, "sent_bytes": 1}
    document["machines"][0]["usage"] = {**whole, **usage} if isinstance(usage, dict) and usage else usage
    assert parse_run_status(json.dumps(document).encode(), "r1").unreadable is not None
