"""Whatever a machine writes: rows and typed errors only; other jobs and a person's files are unharmed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec
from xml.etree import ElementTree

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from support.agent_stand_ins import MemoryStore
from support.hostile_objects import BUCKETS, RUN, STATUS
from support.job_stacks import (
    FakeTime,
    Told,
    instance_state,
    job_spec,
    placement,
    resource,
    stack_config,
    stack_state,
)
from support.output_schemas import problems
from support.s3_in_memory import OWNER, S3InMemory
from support.sessions import fake_provider, fake_session

from components import tags
from runctl_auto.agent.contract import TERMINAL_PHASES, Phase
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.keys import (
    artifacts_prefix,
    checkpoint_prefix,
    log_part_name,
    manifest_key,
    metrics_key,
    node_logs_prefix,
    spec_key,
    status_key,
)
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.metrics.book import MetricsBook
from runctl_auto.agent.metrics.record import Record
from runctl_auto.agent.saving.checkpoints import Checkpoints
from runctl_auto.agent.spec import parse_spec
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter, read_previous
from runctl_auto.agent.untrusted import UnreadableError
from runctl_auto.agent.watchers import StopRequestWatcher
from runctl_auto.cli.views.job import change_line, description_lines, status_lines
from runctl_auto.cli.views.metrics import machine_row, notes, training_row
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan
from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import RunctlError, TrainingFailedError
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.jobs.gauges import families
from runctl_auto.jobs.run_metrics import RunName
from runctl_auto.jobs.session import Session, Time
from runctl_auto.local.strict_json import strict_json
from runctl_auto.observe.metrics.exposition import exposition
from runctl_auto.observe.metrics.line_chart import Curve, line_chart
from runctl_auto.observe.metrics.series import as_json, parse_metrics
from runctl_auto.operations.checkpoint import list_checkpoints, pull, verify
from runctl_auto.operations.compare import compare
from runctl_auto.operations.describe import describe
from runctl_auto.operations.down import DownOptions, down
from runctl_auto.operations.logs import logs
from runctl_auto.operations.ls import ls
from runctl_auto.operations.reap import reap
from runctl_auto.operations.status import status
from runctl_auto.operations.up import UpOptions, up
from runctl_auto.packaging.package import package_code
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.providers.aws.statuses import RunPlace, read_statuses
from runctl_auto.providers.contract import Machine, Offers, TaggedMachine
from runctl_auto.run.identity import RunIdentity, run_id
from runctl_auto.run.status import parse_run_status

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
BUCKET = resource("aws:s3/bucket:Bucket", "digits-artifacts-bucket", "digits")
ROLE = resource("aws:iam/role:Role", "digits-iam-role", "runctl-digits-machine-1")
OTHER_STATUS = b'{"schema": 1, "phase": "running", "updated_at": "2026-11-22T11:59:59Z"}'
OWN_FILES = ("runs/other/0123456789/mine", "runs/digits/mine", "runs/digits/checkpoints/mine")
JOB = "name: digits\nregion: us-east-1\nrun: 'true'\nresources: {instance_types: [t3.micro]}\n"


class World:
    """Two jobs of one backend; the bucket of `digits` is hostile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.s3 = S3InMemory()
        self.cloud = Cloud(lambda service, region: self.s3, "us-east-1", sleep=lambda _: None)
        self.clock = FakeTime()
        self.machine = "running"
        self.terminated: list[str] = []
        self.checked = self.check()
        self.run = self.identity()
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.broken_creations = frozenset()
        self.stack.unfinished.return_value = ()
        self.stack.secrets.return_value = {}
        self.stack.outputs.return_value = {"bucket": "digits"}
        self.stack.preview_destroy.return_value = self.stack.preview.return_value = Plan((), 0)
        self.stack.up.return_value = Changes({"create": 1})
        self.configs = {
            "digits": stack_config(job=self.checked.spec, run=self.run),
            "other": stack_config(job=job_spec(name="other"), run=self.run),
        }
        self.stack.config.return_value = self.configs["digits"].to_values()
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.jobs.return_value = tuple(JobSummary(name, 3, None, False) for name in self.configs)
        self.driver.config_of.side_effect = lambda job: self.configs[job].to_values()
        self.driver.open.return_value = self.stack
        self.provider: Any = fake_provider()
        self.provider.results.side_effect = lambda job, account: JobBucket(self.cloud, job, OWNER)
        self.provider.statuses.side_effect = lambda runs: read_statuses(
            [RunPlace("us-east-1", each.job, OWNER, each.run) for each in runs], lambda region: self.cloud
        )
        self.provider.machine.side_effect = lambda identity: Machine(identity, self.machine)
        self.provider.offers.return_value = Offers((placement(),))
        self.provider.running.return_value = frozenset()
        self.provider.terminate.side_effect = self.terminated.extend

    def check(self) -> CheckedJob:
        (self.folder / "work").mkdir()
        (self.folder / "work/train.py").write_text("print()")
        (self.folder / "work/job.yaml").write_text(JOB)
        return check_job(self.folder / "work/job.yaml")

    def identity(self) -> RunIdentity:
        """The run that `up` means by the job file: it is the one that is there."""
        code = package_code(self.checked.work_folder, self.folder / "packages")
        shutil.rmtree(self.folder / "packages")
        run = run_id(self.checked.spec, code.sha256, 1)
        return RunIdentity(run, 1, run, code.sha256, "a" * 64)

    def written(self, objects: dict[str, bytes]) -> dict[str, bytes]:
        return {
            key.replace(RUN, self.run.id): content.replace(RUN.encode(), self.run.id.encode())
            for key, content in objects.items()
        }

    def clear_home(self) -> None:
        """Home, where a person has files of their own."""
        shutil.rmtree(self.home, ignore_errors=True)
        for place in OWN_FILES:
            (self.home / place).parent.mkdir(parents=True, exist_ok=True)
            (self.home / place).write_text("precious")

    def begin(self, objects: dict[str, bytes]) -> Session:
        """A session with the job as it is before anything ends it."""
        self.s3.buckets = {"digits": dict(objects), "other": {status_key(self.run.id): OTHER_STATUS}}
        self.s3.calls.clear()
        self.machine = "running"
        self.terminated.clear()
        self.stack.reset_mock()
        self.clock = FakeTime()
        tagged = [self.tagged("i-1", "digits"), self.tagged("i-9", "other")]
        self.provider.tagged_machines.return_value = tagged
        self.stack.state.side_effect = None
        self.stack.state.return_value = stack_state(BUCKET, ROLE, instance_state())
        return fake_session(
            self.home,
            driver=self.driver,
            provider=self.provider,
            told=Told(),
            time=Time(sleep=self.sleep, monotonic=self.clock.monotonic, now=lambda: NOW),
        )

    def sleep(self, seconds: float) -> None:
        """Machines end by and by; nobody waits for ever."""
        self.clock.sleep(seconds)
        assert self.clock.now < 3600, "a command waits for ever"
        if self.clock.now > 60:
            self.machine = "terminated"

    def tagged(self, identity: str, job: str) -> TaggedMachine:
        own = {tags.JOB: job, tags.OWNER: "ann", tags.RUN: self.run.id}
        return TaggedMachine(identity, NOW - timedelta(hours=1), own)

    def refuse_harm(self) -> None:
        """Nothing of the person's own is touched, and nothing is written outside of the job's folder."""
        for place in OWN_FILES:
            assert (self.home / place).read_text() == "precious"
        assert sorted(each.name for each in self.folder.iterdir()) == ["home", "work"]
        for parent, folders, names in os.walk(self.home / "runs"):
            for name in (*folders, *names):
                place = Path(parent) / name
                assert place.resolve().is_relative_to(self.home / "runs"), place
                assert place.is_symlink() or place.lstat().st_mode & 0o7022 == 0, place
        assert sorted(each.name for each in (self.home / "runs").iterdir()) == ["digits", "other"]
        assert list(self.s3.buckets["other"]) == [status_key(self.run.id)]


def typed(operation: Callable[[], object]) -> RunctlError | None:
    """Runs it; what it raises on purpose."""
    try:
        operation()
    except RunctlError as error:
        strict_json(error.as_json())
        return error
    return None


def look(world: World, session: Session) -> None:
    rows = {each.summary.name: each for each in ls(session)}
    assert rows["other"].phase == "running"
    assert (
        problems("ls", {"jobs": [each.as_json() for each in rows.values()], "volumes": [], "snapshots": []})
        == []
    )
    now = status(session, "digits")
    assert problems("status", now.as_json()) == []
    described = describe(session, "digits")
    assert problems("describe", described.as_json()) == []
    strict_json(described.as_json())
    lines = [*status_lines(now), *description_lines(described), change_line(now)]
    assert all(line.isprintable() for line in lines)
    run = world.run.id
    unreadable = parse_run_status(world.s3.buckets["digits"][status_key(run)], run).unreadable
    if unreadable is not None:
        assert now.as_json()["problem"] == unreadable == rows["digits"].problem
        assert any("cannot be read" in line for line in lines)
    else:
        assert rows["digits"].problem is None
    assert typed(lambda: logs(session, "digits", follow=False)) is None
    typed(lambda: logs(session, "digits", follow=True))
    look_at_metrics(session)


def look_at_metrics(session: Session) -> None:
    found = compare(session, [RunName("digits")])
    assert problems("compare", json.loads(strict_json(found.as_json()))) == []
    (run,) = found.runs
    series = (*run.metrics.training, *run.metrics.machine) if run.metrics else ()
    strict_json({"series": [as_json(each) for each in series]})
    cells = [*chain.from_iterable(map(training_row, series)), *chain.from_iterable(map(machine_row, series))]
    assert all(each.isprintable() for each in (*cells, *notes(run)))
    ElementTree.fromstring(line_chart([Curve(each.name, each) for each in series]))
    for line in exposition(families(ls(session))).split("\n")[:-1]:
        assert line.startswith(("# ", "runctl_")), line


def tear_down(world: World, session: Session) -> None:
    world.stack.state.side_effect = [stack_state(BUCKET, instance_state()), stack_state(), stack_state()]
    error = typed(lambda: down(session, "digits", DownOptions(yes=True)))
    assert error is None or error.kind == "unfetched-artifacts", error
    if error is not None:
        world.stack.destroy.assert_not_called()
        world.stack.state.side_effect = [stack_state(BUCKET, instance_state()), stack_state(), stack_state()]
        assert typed(lambda: down(session, "digits", DownOptions(yes=True, discard_artifacts=True))) is None
    world.stack.destroy.assert_called_once()
    world.stack.remove.assert_called_once()


def reap_all(world: World, session: Session) -> None:
    result = reap(session, yes=True)
    assert "i-9" not in world.terminated
    assert {job for job, _ in result.unread} <= {"digits"}


def bring_up(world: World, session: Session) -> None:
    error = typed(lambda: up(session, world.checked, UpOptions(yes=True)))
    if isinstance(error, TrainingFailedError):
        assert error.training_exit_code is None or 0 <= error.training_exit_code <= 255


def fetch_checkpoints(world: World, session: Session) -> None:
    typed(lambda: list_checkpoints(session, "digits"))
    typed(lambda: verify(session, "digits", None))
    typed(lambda: pull(session, "digits", None, None))


def go_on(world: World, objects: dict[str, bytes]) -> None:
    """What the agent of the next machine reads."""
    run, store = world.run.id, MemoryStore()
    config = AgentConfig("digits", run, "us-east-1", "digits", OWNER, "a", "x", spec_key(run), "x", 0.0, None)
    store.objects = dict(objects)
    writer = StatusWriter(
        config, MachineIdentity("i-2"), store, previous=read_previous(store, config.status_key, run)
    )
    assert writer.seconds_spent() >= 0
    assert isinstance(writer.failed_resumes(), list)
    writer.end(Outcome(Phase.STOPPED, "down", None, "x" * 9999), store)
    assert parse_run_status(store.objects[config.status_key], run).phase in TERMINAL_PHASES
    with contextlib.suppress(AgentError):
        parse_spec(objects[spec_key(run)])
    switch = StopSwitch()
    StopRequestWatcher(store, run, switch).look()
    assert switch.request is not None
    assert 0 <= switch.request.grace_seconds <= 86_400
    shutil.rmtree(world.folder / "machine", ignore_errors=True)
    (world.folder / "machine").mkdir()
    output = world.folder / "machine/output.log"
    output.write_text("a line\n")
    prefix = node_logs_prefix(run, 0)
    LogShipper(store, prefix, source=output, position_file=world.folder / "machine/position").ship()
    assert b"a line\n" in store.objects.values()
    book = MetricsBook(run, 0, 0.0)
    with contextlib.suppress(UnreadableError):
        book.continue_from(objects[metrics_key(run)])
    book.add("output", Record({"loss": 1.0}, counter=3.0), 60.0)
    assert parse_metrics(book.document(60.0), run).find("loss") is not None
    checkpoints = Checkpoints(
        store,
        run,
        folder=world.folder / "machine/work/checkpoints",
        scratch=world.folder / "machine/scratch",
        keep=3,
        say=lambda text: None,
        wait=lambda seconds: None,
    )
    checkpoints.restore()
    for parent, folders, names in os.walk(world.folder / "machine/work"):
        for name in (*folders, *names):
            assert (Path(parent) / name).resolve().is_relative_to(world.folder / "machine/work")
    assert sorted(each.name for each in (world.folder / "machine").iterdir()) == [
        "output.log",
        "position",
        "work",
    ]
    shutil.rmtree(world.folder / "machine")


def withstand(world: World, generated: dict[str, bytes]) -> None:
    objects = world.written(generated)
    world.clear_home()
    for operate in (look, tear_down, reap_all, bring_up, fetch_checkpoints):
        operate(world, world.begin(objects))
        world.refuse_harm()
    go_on(world, objects)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


EXAMPLES = settings(
    derandomize=True,
    deadline=None,
    phases=[hypothesis.Phase.generate],  # an example takes long: it is not made smaller
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@settings(EXAMPLES, max_examples=25)
@given(BUCKETS)
def test_commands_withstand_what_a_machine_wrote(world: World, objects: dict[str, bytes]) -> None:
    withstand(world, objects)


@pytest.mark.matrix
@settings(EXAMPLES, derandomize=False, max_examples=5000)
@given(BUCKETS)
def test_commands_withstand_5000_buckets(world: World, objects: dict[str, bytes]) -> None:
    withstand(world, objects)


def largest_status(run: str) -> bytes:
    """As large as a status may be, and all of it is kept."""
    unsaved = [{"what": "artifacts", "path": "\U0001f600" * 300, "why": "\U0001f600" * 300}] * 100
    return json.dumps({**STATUS, "run": run, "unsaved": unsaved[:35]}).encode()


def largest_buckets(run: str) -> Iterator[dict[str, bytes]]:
    """Buckets that are as large as they can be for each reader."""
    runs = {f"{number:010x}": {} for number in range(150)}
    yield {status_key(each): largest_status(each) for each in (*runs, run)}
    yield {status_key(run): b'{"schema": 1, "phase": "running", "x": [' + b"{}," * 40_000_000 + b"{}]}"}
    yield {status_key(run): b'{"schema": 1, "phase": "running", "x": [' + b"{}," * 80_000 + b"{}]}"}
    status = {status_key(run): json.dumps({**STATUS, "run": run, "phase": "succeeded"}).encode()}
    entry = b'{"path": "%d", "why": "is a pipe"},'
    listed = b"".join(entry % number for number in range(99_000))
    for manifest in (
        b'{"files": [], "problems": [' + listed[:-1] + b"]}",
        b'{"files": [' + b"{}," * 11_000_000 + b"{}]}",
        b'{"files": [' + b'{"path":"a","bytes":1,"sha256":"0"},' * 900_000 + b"{}]}",
        b'{"files": [[' + b"{}," * 11_000_000 + b"{}]]}",
        b'{"x": [' + b"[1]," * 8_000_000 + b'1], "files": []}',
        b'{"files": [{"path":"a","bytes":9,"sha256":"0","extents":[' + b"[1,1]," * 150_000 + b"[1,1]]}]}",
        b" " * 100_000_000,
    ):
        yield {**status, manifest_key(artifacts_prefix(run)): manifest}
        yield {**status, manifest_key(checkpoint_prefix(run, "00000001")): manifest}
    prefix = node_logs_prefix(run, 0)
    yield {**status, metrics_key(run): b'{"schema": 1, "training": [' + b"{}," * 349_000 + b"{}]}"}
    yield {**status, metrics_key(run): b" " * 100_000_000}
    yield {**status, prefix + log_part_name(0): b"\n" * 50_000_000}
    yield {**status, **{prefix + log_part_name(number): b"x" * 1_000_000 for number in range(60)}}
    yield {**status, **{prefix + log_part_name(number): b"" for number in range(3000)}}


class Counted(Told):
    """Prints nothing and keeps nothing: memory is what commands need."""

    def log_line(self, line: str, rank: int | None = None) -> None:
        pass


def look_briefly(world: World, session: Session) -> None:
    ls(session)
    status(session, "digits")
    strict_json(describe(session, "digits").as_json())
    logs(session, "digits", follow=False)
    compare(session, [RunName("digits")])


def list_all(world: World, session: Session) -> None:
    reap(session, yes=True)
    strict_json(list_checkpoints(session, "digits").as_json())


@pytest.mark.matrix
def test_no_bucket_takes_a_command_100_mb(world: World) -> None:
    for number, objects in enumerate(largest_buckets(world.run.id)):
        world.clear_home()
        for operate in (look_briefly, tear_down, list_all, bring_up):
            session = replace(world.begin(objects), reporter=Counted())
            tracemalloc.start(1)
            try:
                operate(world, session)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            print(f"bucket {number}, {operate.__name__}: {peak / 1e6:.1f} MB")
            assert peak < 100_000_000, (number, operate.__name__, peak)
