"""What is uploaded, and what is left, when the cloud takes the machine back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.agent_stand_ins import Clock, MemoryStore
from support.run_machine import ARTIFACTS, Machine
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import OutOfTimeError, UnreachableError
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.keys import checkpoint_prefix, manifest_key
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.watchers import LAST_WORDS_SECONDS

MB = 1_000_000


def limited(clock: Clock, *answers: object) -> tuple[S3Store, ScriptedWeb, TimeLimit]:
    web, limit = ScriptedWeb(list(answers)), TimeLimit(clock)
    requests = S3Requests(web, Bucket("b", "us-east-1", "1", "http://s3"), lambda: Credentials("a", "s"))
    s3 = S3(requests, Retrier(clock=clock, sleep=clock.wait, chance=lambda: 0.5))
    return S3Store(s3).patient(120).within(limit), web, limit


def test_without_a_limit_nothing_changes(clock: Clock) -> None:
    store, _, limit = limited(clock, (503, b""), (200, b""))
    store.put("k", b"four")
    assert (limit.left(), limit.sent) == (float("inf"), 4)


def test_the_first_of_two_limits_counts(clock: Clock) -> None:
    limit = TimeLimit(clock)
    for seconds in (10, 5, 20):
        limit.set(clock.now + seconds)
    assert limit.left() == 5


def test_nothing_is_sent_after_the_limit_but_deletions(clock: Clock) -> None:
    store, web, limit = limited(clock, (204, b""))
    limit.set(clock.now)
    with pytest.raises(OutOfTimeError):
        store.put("k", b"late")
    assert web.asked == []
    store.delete("k")
    assert [asked.method for asked in web.asked] == ["DELETE"]


def test_an_upload_ends_with_the_limit_in_the_middle_of_a_file(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 3 * (1 << 20))

    class Slow(ScriptedWeb):
        def send(self, method: str, url: str, headers: Any, body: Any = None, timeout: float = 30) -> Any:
            return super().send(method, url, headers, self._slowly(body), timeout)

        def _slowly(self, body: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in body:
                clock.now += 40
                yield chunk

    store, _, limit = limited(clock)
    limited_requests: Any = store.s3.requests
    limited_requests._requests._web = Slow([])
    limit.set(clock.now + 60)
    with (tmp_path / "f").open("rb") as file, pytest.raises(OutOfTimeError):
        store.upload("k", file, 3 * (1 << 20))
    assert limit.sent < 3 * (1 << 20)


def test_a_dead_network_is_not_waited_for_longer_than_the_limit(clock: Clock) -> None:
    store, _, limit = limited(clock, *[UnreachableError("no network")] * 100)
    began = clock.now
    limit.set(began + 20)
    with pytest.raises(Exception, match=r"no network|used up"):
        store.put("k", b"x")
    assert clock.now - began <= 20


def notice(machine: Machine, clock: Clock, seconds: float = 120) -> Callable[[], None]:
    """The notice arrives while the command runs, as the watcher passes it on."""

    def arrive() -> None:
        if machine.switch.request is None:
            ends_at = clock.now + seconds
            machine.run_limit.set(ends_at - LAST_WORDS_SECONDS)
            message = "the cloud takes the machine back (terminate)"
            machine.switch.set(
                StopRequest("interrupted", "interruption", message, grace_seconds=1, ends_at=ends_at)
            )

    return arrive


def test_what_cannot_be_uploaded_in_time_is_left_and_the_figure_is_told(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Machine(tmp_path, store, clock, command="train")
    earlier = checkpoint_prefix("line", "00000000")
    store.objects[manifest_key(earlier)] = b'{"files": []}'
    arrive = notice(machine, clock)

    def train() -> None:
        for name in ("a", "b", "c"):
            (machine.work / "checkpoints").mkdir(parents=True, exist_ok=True)
            (machine.work / "checkpoints" / name).write_bytes(b"x" * MB)
        arrive()

    def take_time(key: str) -> None:
        clock.now += 112 if key.endswith("/files/b") else 0

    store.before_put = take_time
    machine.scripts["train"] = (None, train)
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("interrupted", "interruption")
    assert str(outcome.message).endswith("; checkpoint 00000000 is saved")
    told = machine.status.document()["unsaved"]
    assert [(each["what"], each["path"]) for each in told] == [("checkpoint", None)]
    assert "of 3.0 MB were uploaded in" in told[0]["why"]
    assert f"last checkpoint: {told[0]['why']}" in machine.said
    assert manifest_key(checkpoint_prefix("line", "00000001")) not in store.objects


def test_what_can_be_uploaded_in_time_is_complete(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    machine = Machine(tmp_path, store, clock, command="train")
    arrive = notice(machine, clock)

    def train() -> None:
        machine.write("checkpoints/state", "saved on SIGTERM")
        arrive()

    store.before_put = lambda key: setattr(clock, "now", clock.now + (100 if "/files/" in key else 0))
    machine.scripts["train"] = (None, train)
    outcome = machine.run()
    assert outcome.phase == "interrupted"
    assert str(outcome.message).endswith("; checkpoint 00000000 is saved")
    manifest = json.loads(store.objects[manifest_key(checkpoint_prefix("line", "00000000"))])
    assert [file["path"] for file in manifest["files"]] == ["state"]
    assert machine.status.document()["unsaved"] == []


@pytest.mark.parametrize(("code", "phase"), [(0, "interrupted"), (1, "failed")])
def test_artifacts_that_cannot_be_stored_in_time_are_left_to_the_next_machine(
    tmp_path: Path, store: MemoryStore, clock: Clock, code: int, phase: str
) -> None:
    machine = Machine(tmp_path, store, clock, command="train")
    arrive = notice(machine, clock)

    def take_time(key: str) -> None:
        if "/artifacts/files/" in key:
            arrive()
            clock.now += 112

    store.before_put = take_time
    machine.scripts["train"] = (code, lambda: machine.write("output/model", "weights"))
    outcome = machine.run()
    assert (outcome.phase, outcome.exit_code) == (phase, code)
    assert ARTIFACTS not in store.objects


def test_a_notice_before_the_command_began_is_an_interruption(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Machine(
        tmp_path, store, clock, command="train", data=[{"bucket": "d", "prefix": "", "path": "d"}]
    )
    arrive = notice(machine, clock, seconds=5)

    def staging_takes_too_long() -> None:
        arrive()
        clock.now += 60

    machine.meanwhile_staging = staging_takes_too_long
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("interrupted", "interruption")
    assert machine.started == []
