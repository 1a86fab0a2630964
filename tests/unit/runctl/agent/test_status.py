from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.agent.contract import MOST_STATUS_BYTES
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.keys import status_key
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter, read_previous, rfc3339
from runctl_auto.agent.status_reading import read_status

CONFIG = AgentConfig(
    job="digits",
    run="r1",
    region="us-east-1",
    bucket="b",
    account="1",
    agent_key="a",
    agent_sha256="x",
    spec_key="s",
    spec_sha256="d",
    booted_at=1_000_000.0,
    deadline_at=None,
)
KEY = status_key("r1")
FIRST = MachineIdentity("i-1", "m5.large", "us-east-1a", "spot", "1970-01-12T13:46:00Z")
SECOND = MachineIdentity("i-2", "m5.xlarge", "us-east-1b", "on-demand", "1970-01-12T14:00:00Z")


def make(store, clock, **options) -> StatusWriter:
    return StatusWriter(CONFIG, FIRST, store, clock=clock, ticks=clock, **options)


def written(store) -> dict[str, Any]:
    return json.loads(store.objects[KEY])


def test_the_document_is_that_of_the_contract(store, clock) -> None:
    make(store, clock).write()
    assert written(store) == {
        "schema": 1,
        "job": "digits",
        "run": "r1",
        "attempt": 1,
        "node": 0,
        "instance": "i-1",
        "phase": "booting",
        "exit_code": None,
        "reason": None,
        "message": None,
        "started_at": "1970-01-12T13:46:40.000Z",
        "updated_at": "1970-01-12T13:46:40.000Z",
        "ended_at": None,
        "phases": {"boot": 0.0},
        "resumed_from": None,
        "checkpoints": {"count": 0, "last": None, "last_at": None},
        "artifacts": None,
        "log_parts": 0,
        "unsaved": [],
        "suspect": None,
        "resumes": [],
        "machines": [
            {
                "id": "i-1",
                "type": "m5.large",
                "zone": "us-east-1a",
                "market": "spot",
                "launched_at": "1970-01-12T13:46:00Z",
                "seen_at": "1970-01-12T13:46:40.000Z",
                "ended_at": None,
                "price_hour": None,
            }
        ],
    }


def test_each_machine_of_a_run_is_kept_with_its_times_and_price(store, clock) -> None:
    first = make(store, clock)
    first.price_machine(lambda kind, market: {("m5.large", "spot"): 0.04}.get((kind, market)))
    clock.now += 60
    first.write()
    clock.now += 600
    second = StatusWriter(CONFIG, SECOND, store, previous=written(store), clock=clock, ticks=clock)
    clock.now += 5
    second.end(Outcome("interrupted", "interruption"), store)
    told = [
        (each["id"], each["seen_at"], each["ended_at"], each["price_hour"])
        for each in written(store)["machines"]
    ]
    assert told == [
        ("i-1", "1970-01-12T13:47:40.000Z", None, 0.04),
        ("i-2", "1970-01-12T13:57:45.000Z", "1970-01-12T13:57:45.000Z", None),
    ], "the first vanished without a word"


def test_an_agent_that_starts_again_goes_on_with_its_machine(store, clock) -> None:
    make(store, clock).end(Outcome("interrupted", "interruption"), store)
    again = make(store, clock, previous=written(store))
    again.write()
    (machine,) = written(store)["machines"]
    assert (machine["id"], machine["ended_at"]) == ("i-1", None)


def test_a_machine_that_the_cloud_does_not_describe_counts_from_its_boot(store, clock) -> None:
    bare = StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=clock, ticks=clock)
    assert bare.document()["machines"][0]["launched_at"] == "1970-01-12T13:46:40.000Z"


def test_seconds_are_counted_by_phase(store, clock) -> None:
    status = make(store, clock)
    for phase, seconds in (("fetching", 1), ("setup", 2), ("running", 3), ("stopping", 4)):
        clock.now += 0.5 if phase == "fetching" else 0
        status.enter(phase)
        clock.now += seconds
    status.enter("stopping")
    clock.now += 1
    status.end(Outcome("succeeded", "completed", 0), store)
    assert written(store)["phases"] == {"boot": 0.5, "fetch": 1.0, "setup": 2.0, "run": 3.0, "upload": 5.0}
    assert status.seconds_spent() == pytest.approx(11.5)


def test_a_heartbeat_counts_the_phase_that_runs(store, clock) -> None:
    status = make(store, clock)
    status.enter("running")
    clock.now += 15
    status.write()
    assert written(store)["phases"]["run"] == 15.0
    clock.now += 15
    status.write()
    assert written(store)["phases"]["run"] == 30.0
    assert written(store)["updated_at"] == rfc3339(clock.now)


def test_nothing_is_written_after_the_end(store, clock) -> None:
    status = make(store, clock)
    status.end(Outcome("failed", "command_failed", 7, "the command failed"), store)
    last = written(store)
    status.write()
    status.end(Outcome("succeeded", "completed", 0), store)
    status.enter("running")
    assert written(store) == last
    assert store.puts == [KEY]
    assert (last["phase"], last["reason"], last["exit_code"]) == ("failed", "command_failed", 7)
    assert last["ended_at"] == rfc3339(clock.now)


def test_an_interruption_is_no_end_of_the_run(store, clock) -> None:
    make(store, clock).end(Outcome("interrupted", "interruption"), store)
    assert written(store)["ended_at"] is None


def test_a_run_goes_on_from_its_earlier_status(store, clock) -> None:
    first = make(store, clock)
    first.spend("boot", 10)
    first.enter("running")
    first.saved_checkpoint("00000000")
    clock.now += 100
    first.end(Outcome("interrupted", "interruption"), store)
    clock.now += 1000
    again = make(store, clock, previous=read_previous(store, KEY, "r1"))
    again.saved_checkpoint("00000001")
    now = written(store)
    assert now["started_at"] == rfc3339(CONFIG.booted_at)
    assert now["checkpoints"]["count"] == 2
    assert (now["phase"], now["reason"]) == ("booting", None)
    assert again.seconds_spent() == pytest.approx(110), "the time without a machine does not count"


def test_no_status_or_an_unreadable_one_is_none(store) -> None:
    assert read_previous(store, KEY, "r1") is None
    store.objects[KEY] = b"{"
    assert read_previous(store, KEY, "r1") is None
    store.objects[KEY] = b"[]"
    assert read_previous(store, KEY, "r1") is None


def test_a_failed_last_write_is_told(store, clock) -> None:
    store.fail_on("status.json")
    with pytest.raises(AgentError):
        make(store, clock).end(Outcome("succeeded", "completed", 0), store)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"schema": 1, "phase": "running", "phases": {"run": -1e9}}',
        b'{"schema": 1, "phase": "running", "phases": {"run": null}}',
        b'{"schema": 1, "phase": "running", "resumes": [7]}',
        b'{"schema": 1, "phase": "running", "checkpoints": "many"}',
        b" " * 600_000,
    ],
    ids=lambda content: repr(content[:60]),
)
def test_a_status_of_an_earlier_machine_neither_stops_the_agent_nor_extends_the_limits(
    store, clock, content: bytes
) -> None:
    store.put(CONFIG.status_key, content)
    previous = read_previous(store, CONFIG.status_key, CONFIG.run)
    assert previous is None
    writer = StatusWriter(CONFIG, MachineIdentity("i-2"), store, previous=previous, clock=clock, ticks=clock)
    assert writer.seconds_spent() == 0
    assert writer.failed_resumes() == []


def test_what_it_writes_is_read_however_long_its_texts_are(store, clock) -> None:
    writer = StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=clock, ticks=clock)
    longest = "\U0001f600\udcff" * 5000
    for what in ("checkpoint", "artifacts"):
        writer.unsaved(what, [(longest, longest)] * 50)
    for _ in range(30):
        writer.resumed("00000001")
        writer.resume_failed(longest)
        writer.failed_try(clock(), Outcome("failed", "command_failed", 1, longest))
    writer.suspect_checkpoint("00000001", longest, longest)
    writer.end(Outcome("failed", "agent_error", None, longest), store)
    found = read_status(store.get(CONFIG.status_key, MOST_STATUS_BYTES), CONFIG.run)
    assert (found["phase"], len(found["resumes"]), len(found["unsaved"])) == ("failed", 20, 42)
    assert [each["number"] for each in found["tries"]] == list(range(11, 31))
