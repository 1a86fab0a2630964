"""What the provider contract states of every provider, for this machine; what has no meaning here is refused.

``test_contract`` holds the clouds to it, which have groups, volumes, tags and owners.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from support.job_stacks import job_spec

from runctl_auto.agent.keys import log_part_name, node_logs_prefix, status_key
from runctl_auto.agent.local.agent_record import HERE
from runctl_auto.agent.local.job_folder import AgentProcess, JobFolder, write_json
from runctl_auto.errors import NotFoundError, NotSupportedError
from runctl_auto.placement.choice import choose_places
from runctl_auto.providers.contract import OwnVolumes, Provider, RunKey
from runctl_auto.providers.local.provider import LocalProvider
from runctl_auto.providers.resource import NOTHING_RELATED
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import parse_state

JOB, RUN = "digits", "0123456789"


class ThisMachine:
    def __init__(self, folder: Path) -> None:
        self.jobs = folder / "jobs"
        self.locks: list[int] = []
        self.ended: list[str] = []
        self.provider: Provider = LocalProvider(self.jobs, self._end)

    def _end(self, folder: JobFolder) -> None:
        self.ended.append(folder.name)
        self.stop()

    def make_machine(self, job: str = JOB) -> str:
        folder = JobFolder(self.jobs / job)
        folder.path.mkdir(parents=True)
        write_json(folder.record, {"run": RUN})
        AgentProcess(f"process-{job}", 7, 1_900_000_000.0).write(folder)
        lock = folder.take_lock()
        assert lock is not None
        self.locks.append(lock)
        return f"process-{job}"

    def stop(self) -> None:
        while self.locks:
            os.close(self.locks.pop())

    def put(self, key: str, content: bytes) -> None:
        path = self.jobs / JOB / "store" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ThisMachine]:
    found = ThisMachine(tmp_path)
    yield found
    found.stop()


def test_the_account_is_the_callers(here: ThisMachine) -> None:
    assert here.provider.account().id == here.provider.caller().account
    assert here.provider.caller().name
    assert here.provider.region
    assert here.provider.zones()


def test_an_unknown_machine_is_gone(here: ThisMachine) -> None:
    machine = here.provider.machine("process-1")
    assert (machine.state, machine.has_ended, machine.is_ending) == ("gone", True, True)
    assert here.provider.console("process-1") == ""


def test_a_machine_runs_until_it_is_terminated(here: ThisMachine) -> None:
    identity = here.make_machine()
    machine = here.provider.machine(identity)
    assert (machine.id, machine.has_ended) == (identity, False)
    assert machine.zone in here.provider.zones()
    assert machine.launched_at == datetime.fromtimestamp(1_900_000_000, timezone.utc)
    assert here.provider.running([identity, "process-x"]) == {identity}
    assert here.provider.console(identity) == ""
    (tagged,) = here.provider.tagged_machines()
    assert (tagged.id, tagged.tags["runctl:job"], tagged.tags["runctl:run"]) == (identity, JOB, RUN)
    here.put(status_key(RUN), b"{}")
    for _ in range(2):
        here.provider.terminate([identity, "process-x"])
    assert here.ended == [JOB, JOB]
    ended = here.provider.machines([identity])[identity]
    assert (ended.state, ended.has_ended) == ("terminated", True)
    assert ended.ended_at is not None
    assert list(here.provider.tagged_machines()) == []


def test_there_are_no_groups(here: ThisMachine) -> None:
    assert dict(here.provider.groups(["runctl-g"])) == {}
    assert list(here.provider.launches("runctl-g")) == []
    here.provider.end_group("runctl-g")


def test_without_a_store_nothing_is_there(here: ThisMachine) -> None:
    results = here.provider.results(JOB, HERE)
    assert results.name
    assert (results.status("r1"), results.runs(), results.artifacts("r1")) == (None, (), None)
    assert list(results.log_parts("r1")) == []
    with pytest.raises(NotFoundError):
        results.request_stop("r1", reason="down", grace_seconds=1, at="2030-01-01T00:00:00Z")
    with pytest.raises(NotFoundError):
        results.has_unlisted_artifacts("r1")


def test_a_request_to_stop_may_be_repeated(here: ThisMachine) -> None:
    here.put(status_key(RUN), b"{}")
    results = here.provider.results(JOB, HERE)
    assert results.stop_request(RUN) is None
    for _ in range(2):
        results.request_stop(RUN, reason="down", grace_seconds=1, at="2030-01-01T00:00:00Z")
    assert results.stop_request(RUN) == "down"
    assert results.runs() == (RUN,)


@pytest.mark.parametrize("name", ["checkpoints", "0123456789x", "x"])
def test_names_that_are_no_ids_are_no_runs(here: ThisMachine, name: str) -> None:
    for run in (name, RUN):
        here.put(status_key(run), b"{}")
    assert here.provider.results(JOB, HERE).runs() == (RUN,)


def test_statuses_come_in_the_order_of_the_runs(here: ThisMachine) -> None:
    here.put(status_key("r2"), json.dumps({"schema": 1, "phase": "running"}).encode())
    here.put(status_key("r3"), b"no status")
    found = here.provider.statuses([RunKey(JOB, HERE, run) for run in ("r1", "r2", "r3")])
    assert found[0] is None
    assert getattr(found[1], "phase", None) == "running"
    assert isinstance(found[2], RunStatus)
    assert "cannot be read" in str(found[2].unreadable)
    assert here.provider.statuses([]) == []


def test_parts_of_a_log_follow_each_other(here: ThisMachine) -> None:
    prefix = node_logs_prefix(RUN, 0)
    for number, text in enumerate(("a\n", "b\n", "c\n")):
        here.put(prefix + log_part_name(number), text.encode())
    here.put(f"{prefix}other", b"no part")
    results = here.provider.results(JOB, HERE)
    parts = list(results.log_parts(RUN))
    assert [each.text for each in parts] == ["a\n", "b\n", "c\n"]
    assert [each.text for each in results.log_parts(RUN, after=parts[0].key)] == ["b\n", "c\n"]


def test_the_only_place_is_here_and_free(here: ThisMachine) -> None:
    provider, spec = here.provider, job_spec(provider="local", region="local")
    (place,) = choose_places(spec, provider, provider.account(), zone=None, known=None).places
    assert (place.zone, place.price_hour, place.market) == (provider.zones()[0], 0.0, "on-demand")
    assert provider.offers(spec, provider.account(), zone="elsewhere").offers == ()
    assert provider.machine_fits(place, spec, spec)
    assert provider.zone_of_volumes(spec, provider.account(), OwnVolumes({})) is None
    assert provider.data_notes(spec, place) == ()
    assert provider.volumes(["vol-1"]) == {}


def test_what_exists_is_found_and_can_be_removed(here: ThisMachine) -> None:
    scanner = here.provider.scanner(JOB, HERE, "ann", backend="")
    assert scanner.find() == ()
    here.make_machine()
    (found,) = scanner.find()
    assert (found.kind, found.id, found.job) == ("folder", str(here.jobs / JOB), JOB)
    assert here.provider.survey_account(HERE, [JOB], lambda job, kind: None).found == (found,)
    assert scanner.survey().foreign == ()
    assert scanner.kinds is here.provider.kinds
    assert here.provider.kinds["process"].is_machine
    assert set(here.provider.kinds.removal_order) == {kind.name for kind in here.provider.kinds}
    with pytest.raises(NotFoundError):
        here.provider.remove(found, "another")
    here.provider.remove(found, HERE)
    assert scanner.find() == ()


def test_an_empty_state_has_no_relations(here: ThisMachine) -> None:
    scanner = here.provider.scanner(JOB, HERE, "ann", backend="")
    assert scanner.relations(parse_state({})) == NOTHING_RELATED
    assert scanner.pending_unlisted(parse_state({})) == ()
    assert scanner.unrecorded_unlisted(parse_state({})) == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda provider: provider.bucket("any"),
        lambda provider: provider.region_prices("2030-01-01"),
        lambda provider: provider.actual_costs(date(2030, 1, 1), date(2030, 2, 1), {}),
        lambda provider: provider.machine_speed("local"),
        lambda provider: provider.storage,
        lambda provider: provider.reach.open_port("process-1", 80, local=0, reason=""),
        lambda provider: provider.reach.write_log("group", "stream", "text"),
        lambda provider: provider.reach.write_object("bucket", "key", "text"),
    ],
)
def test_what_has_no_meaning_here_is_refused(here: ThisMachine, ask: Callable[[Provider], object]) -> None:
    with pytest.raises(NotSupportedError) as raised:
        ask(here.provider)
    assert raised.value.next_step
