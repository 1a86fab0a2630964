"""Every verb takes the steps that the table of ``Change`` says, in order, and protects them in one way."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.held_resources import held_state
from support.job_stacks import (
    Told,
    group_state,
    instance_state,
    offers,
    placement,
    resource,
    stack_config,
    stack_state,
)
from support.sessions import ACCOUNT, fake_provider, fake_results, fake_scanner, fake_session

import runctl_auto.operations
from runctl_auto.cost.charges import Charge
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import (
    BudgetSpentError,
    ConfirmationNeededError,
    EngineError,
    JobEndedError,
    JobNotFoundError,
    NoCapacityError,
    StackLockedError,
)
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.bills.last import bill_of
from runctl_auto.jobs.change import STEPS, Change
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.jobs.folder.changes import BringBack
from runctl_auto.jobs.folder.entry import Entry
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.follow.follow import Lost, Starved
from runctl_auto.jobs.lost_machine.replace import ReplaceMachine, ReplaceUnattended
from runctl_auto.jobs.lost_machine.starved_group import FeedGroup
from runctl_auto.jobs.place_again import PlaceAgain
from runctl_auto.jobs.release import ReleaseMachine
from runctl_auto.jobs.stopping import StopJob
from runctl_auto.jobs.teardown.preview import TeardownPreview
from runctl_auto.local.file_lock import take
from runctl_auto.operations.apply import ApplyFile
from runctl_auto.operations.down import Down, DownOptions
from runctl_auto.operations.preview import Preview
from runctl_auto.operations.protect import Protect, Unprotect
from runctl_auto.operations.resume import Resume
from runctl_auto.operations.up import Up, UpOptions
from runctl_auto.providers.contract import Launch, Machine
from runctl_auto.providers.resource import CloudResource
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.schema import CostSettings, Settings
from runctl_auto.stack.config import GroupChoice, Protection
from runctl_auto.stack.state import INSTANCE, StackState

JOB = "name: digits\nregion: us-east-1\nrun: 'true'\nresources: {instance_types: [t3.micro]}\n"
ROLE = resource("aws:iam/role:Role", "digits-iam-role", "runctl-digits-machine-1")
PLAN = Plan((PlannedChange("create", "aws:s3/bucket:Bucket", "digits-bucket", "urn"),), 0)
Event = str


def table() -> dict[str, list[str]]:
    """The steps of each verb, by the table in the docstring of ``Change``."""
    lines = (inspect.getdoc(Change) or "").splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("===")]
    head, rows = lines[rules[0] + 1].split(), lines[rules[1] + 1 : rules[2]]
    assert head == ["verb", *STEPS]
    cells = [row.split() for row in rows]
    assert all(len(each) == len(head) and set(each[1:]) <= {"x", "."} for each in cells)
    return {
        verb: [step for step, mark in zip(STEPS, marks, strict=True) if mark == "x"] for verb, *marks in cells
    }


class World:
    """A job with a stack over fakes, and what happened to it in order."""

    def __init__(
        self,
        folder: Path,
        state: StackState | None = None,
        *,
        is_new: bool = False,
        agrees: bool = True,
        phase: str = "succeeded",
    ) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.config: dict[str, str] = {} if is_new else stack_config().to_values()
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.broken_creations = frozenset()
        self.stack.unfinished.return_value = ()
        self.stack.secrets.return_value = {}
        self.stack.state.return_value = stack_state() if state is None else state
        self.stack.config.side_effect = lambda: dict(self.config)
        self.stack.set_config.side_effect = self._set_config
        self.stack.await_quiet.side_effect = self.noted("recover", None)
        self.stack.preview.side_effect = self.noted("plan", PLAN)
        self.stack.preview_destroy.side_effect = self.noted("plan", Plan((), 0))
        self.stack.up.side_effect = self.noted("apply", Changes({"create": 1}))
        self.stack.destroy.side_effect = self.noted("apply", Changes({"delete": 1}))
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.jobs.return_value = ()
        self.driver.open.side_effect = self.noted("open", self.stack)
        if is_new:
            self.driver.open.side_effect = JobNotFoundError("no such job")
            self.driver.create.side_effect = self.noted("open", self.stack)
        self.told = Told()
        self.told.confirm = self.noted("confirm", agrees)  # type: ignore[method-assign]
        results = fake_results(status=RunStatus(run="r1", phase=phase))
        self.provider: Any = fake_provider(results=results, scanner=fake_scanner(), machine="terminated")
        self.provider.offers.side_effect = self.noted(
            "decide", offers(placement(), placement(zone="us-east-1b"))
        )
        self.session = fake_session(folder, driver=self.driver, provider=self.provider, told=self.told)

    def noted(self, event: Event, answer: Any) -> Callable[..., Any]:
        """Notes the event, with ``unclaimed`` when it happens outside the claim."""

        def call(*about: object, **more: object) -> Any:
            self.events.append(event if self._is_claimed() else f"unclaimed {event}")
            return answer

        return call

    def _set_config(self, values: dict[str, str]) -> None:
        self.events.append("configure")
        self.config.update(values)

    def _is_claimed(self) -> bool:
        claim = self.folder / ".runctl" / "claims" / "digits.json"
        return claim.exists() and claim.read_text() != ""

    @property
    def checked(self) -> CheckedJob:
        file = self.folder / "job.yaml"
        file.write_text(JOB)
        return check_job(file)


def up(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, is_new=True)
    return Up(world.session, world.checked, UpOptions()), world


def preview(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, is_new=True)
    return Preview(world.session, world.checked, rerun=False), world


def down(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()))
    return Down(world.session.job("digits"), DownOptions()), world


def apply(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, is_new=True)
    entry = Entry(action="create", reason="new", job="digits", file="job.yaml")
    return ApplyFile(world.session, world.checked, Order(entry=entry, path=folder / "job.yaml")), world


def down_plan(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()))
    return TeardownPreview(world.session.job("digits"), grace_seconds=1), world


def bring_back(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()), phase="running")
    world.stack.preview.side_effect = world.noted("plan", Plan((), 5))
    lost = Lost(Machine("i-1", "terminated"), None)
    return BringBack(world.session.job("digits"), stack_config(), lost), world


def protect(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, held_state("digits", volumes={"data": False}, bucket=False))
    return Protect(world.session, "digits", "bucket", yes=False), world


def unprotect(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, held_state("digits", volumes={"data": False}, bucket=True))
    return Unprotect(world.session, "digits", "bucket", yes=False), world


def place(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE))
    job = world.session.job("digits")
    return PlaceAgain(job, world.checked.file, stack_config(), Protection()), world


def replace(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()), phase="running")
    lost = Lost(Machine("i-1", "terminated"), None)
    return ReplaceMachine(world.session.job("digits"), world.checked.file, stack_config(), lost), world


def watch(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()), phase="running")
    world.stack.preview.side_effect = world.noted("plan", Plan((), 5))
    lost = Lost(Machine("i-1", "terminated"), None)
    return ReplaceUnattended(world.session.job("digits"), stack_config(), lost), world


def release(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()))
    return ReleaseMachine(world.session.job("digits"), stack_config()), world


def feed(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, group_state()))
    places = offers(placement(market="on-demand"))
    world.provider.offers.side_effect = world.noted("decide", places)
    group = GroupChoice(prices={"t3.micro": 0.01}, subnets=(), root_device="/dev/xvda", began_at=0)
    starved = Starved((Launch("1", datetime(2026, 11, 30, tzinfo=timezone.utc), failure="full"),))
    config = stack_config(group=group)
    return FeedGroup(world.session.job("digits"), world.checked.file, config, starved), world


def stop(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE, instance_state()), phase="running")
    return StopJob(world.session.job("digits"), grace_seconds=1, yes=False), world


def resume(folder: Path) -> tuple[Change[Any, Any], World]:
    world = World(folder, stack_state(ROLE), phase="stopped")
    return Resume(world.session.job("digits"), yes=False), world


VERBS = {
    "up": up,
    "preview": preview,
    "apply": apply,
    "down": down,
    "down-plan": down_plan,
    "bring-back": bring_back,
    "protect": protect,
    "unprotect": unprotect,
    "place": place,
    "replace": replace,
    "watch": watch,
    "release": release,
    "feed": feed,
    "stop": stop,
    "resume": resume,
}
EVENTS = {
    "up": ["open", "decide", "configure", "plan", "confirm", "configure", "apply"],
    "preview": ["open", "decide", "configure", "plan"],
    "down": ["open", "recover", "plan", "confirm", "apply"],
    "apply": ["open", "decide", "configure", "plan", "configure", "apply"],
    "down-plan": ["open", "recover", "plan"],
    "bring-back": ["open", "recover", "configure", "plan", "configure", "apply"],
    "protect": ["open", "recover", "configure", "plan", "confirm", "apply"],
    "unprotect": ["open", "recover", "configure", "plan", "confirm", "apply"],
    "place": ["open", "recover", "decide", "configure", "plan", "configure", "apply"],
    "replace": ["open", "recover", "configure", "apply"],
    "watch": ["open", "recover", "configure", "plan", "configure", "apply"],
    "release": ["open", "recover", "apply"],
    "feed": ["open", "recover", "decide", "configure", "apply"],
    "stop": ["open", "recover", "confirm", "apply"],
    "resume": ["open", "recover", "decide", "configure", "plan", "confirm", "configure", "apply"],
}
"""What happens to stack, provider and person, in order. ``up``, ``place`` and ``replace`` configure each
place that they try; the engine is not asked to recover a stack that was just made."""


def concrete(kind: type[Change[Any, Any]] = Change) -> Iterator[type[Change[Any, Any]]]:
    for each in kind.__subclasses__():
        yield from concrete(each)
        if not inspect.isabstract(each) and hasattr(each, "verb"):
            yield each


def test_every_change_has_its_row_and_is_driven_here() -> None:
    assert sorted(each.verb for each in concrete()) == sorted(table()) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_takes_the_steps_of_the_table(tmp_path: Path, verb: str) -> None:
    change, _ = VERBS[verb](tmp_path)
    change.run()
    assert change.verb == verb
    assert change.reached == table()[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_what_happens_follows_the_steps_and_all_of_it_within_the_claim(tmp_path: Path, verb: str) -> None:
    change, world = VERBS[verb](tmp_path)
    change.run()
    assert world.events == EVENTS[verb]
    assert not world._is_claimed(), "the claim has ended"


@pytest.mark.parametrize("verb", [verb for verb, steps in table().items() if "confirm" in steps])
def test_what_is_declined_is_not_applied_and_leaves_no_configuration(tmp_path: Path, verb: str) -> None:
    change, world = VERBS[verb](tmp_path)
    before = dict(world.config)
    world.told.confirm = lambda question: False  # type: ignore[method-assign]
    with pytest.raises(ConfirmationNeededError):
        change.run()
    assert change.reached == table()[verb][: table()[verb].index("apply")]
    assert "apply" not in world.events
    if before:
        assert world.config == before
    else:
        world.stack.remove.assert_called_once_with()


@pytest.mark.parametrize("enforce", [True, False])
def test_up_rents_nothing_over_a_spent_budget_where_that_is_enforced(tmp_path: Path, enforce: bool) -> None:
    now = datetime(2026, 3, 15, tzinfo=timezone.utc)
    world = World(tmp_path, is_new=True)
    settings = Settings(owner="bob", cost=CostSettings(monthly=5, enforce=enforce))
    time = dataclasses.replace(world.session.time, now=lambda: now)
    world.session = dataclasses.replace(world.session, settings=settings, time=time)
    world.stack.preview.side_effect = world.noted(
        "plan", Plan((PlannedChange("create", INSTANCE, "digits-machine-instance", "urn"),), 0)
    )
    spent = Charge(
        kind="machine",
        resource="i-9",
        what="p5.48xlarge spot",
        run="r9",
        began=now - timedelta(hours=1),
        ended=now,
        quantity=1,
        price_hour=5.0,
    )
    BillArchive(world.session).keep(bill_of(stack_config(), (spent,)), "r9")
    refused = pytest.raises(BudgetSpentError) if enforce else contextlib.nullcontext()
    with refused:
        Up(world.session, world.checked, UpOptions()).run()
    assert "$5.00 of the monthly budget of $5.00 of project runctl is spent" in str(world.told.plans[0].notes)
    assert ("apply" in world.events) is not enforce
    assert ("confirm" in world.events) is not enforce


@pytest.mark.parametrize("verb", [verb for verb, steps in table().items() if "apply" in steps])
def test_a_stack_that_somebody_else_holds_keeps_its_configuration(tmp_path: Path, verb: str) -> None:
    change, world = VERBS[verb](tmp_path)
    before = dict(world.config)
    held = StackLockedError("held")
    world.stack.up.side_effect = (
        [NoCapacityError("none"), held] if verb in ("replace", "watch", "bring-back") else held
    )
    world.stack.destroy.side_effect = held
    with pytest.raises(StackLockedError):
        change.run()
    if before:
        assert world.config == before


def test_a_preview_leaves_neither_stack_nor_configuration(tmp_path: Path) -> None:
    change, world = preview(tmp_path)
    change.run()
    world.stack.remove.assert_called_once_with()
    world = World(tmp_path, stack_state(ROLE))
    before = dict(world.config)
    Preview(world.session, world.checked, rerun=False).run()
    assert world.config == before
    world.stack.remove.assert_not_called()


def test_what_a_failed_creation_left_unrecorded_is_removed(tmp_path: Path) -> None:
    change, world = up(tmp_path)
    left = CloudResource("bucket", "b-1", "")
    world.provider.scanner.return_value = fake_scanner(left)
    world.stack.broken_creations = frozenset({"aws:s3/bucket:Bucket"})
    world.stack.up.side_effect = EngineError("the provider died")
    with pytest.raises(EngineError, match="the provider died"):
        change.run()
    world.provider.remove.assert_called_once_with(left, account=ACCOUNT)


def test_a_job_that_gets_a_machine_counts_as_one_that_runs_until_it_is_applied(tmp_path: Path) -> None:
    change, world = up(tmp_path)
    new_machine = Plan((PlannedChange("create", INSTANCE, "digits-machine-instance", "urn"),), 0)
    world.stack.preview.side_effect = world.noted("plan", new_machine)
    mark = tmp_path / ".runctl" / "starting" / "digits.job"
    world.driver.backend.folder = None
    held: list[bool] = []
    world.stack.up.side_effect = lambda **about: held.append(_is_held(mark)) or Changes({})  # type: ignore[func-returns-value]
    change.run()
    assert held == [True]
    assert not _is_held(mark)


def _is_held(mark: Path) -> bool:
    with mark.open("rb") as file:
        return not take(file)


def test_up_without_changes_asks_nobody_and_applies_nothing(tmp_path: Path) -> None:
    change, world = up(tmp_path)
    world.stack.preview.side_effect = world.noted("plan", Plan((), 5))
    assert change.run().changed is False
    assert change.reached == ["claim", "recover", "decide", "configure", "plan"]
    assert "apply" not in world.events


def test_protection_that_holds_is_decided_and_no_more(tmp_path: Path) -> None:
    change, world = protect(tmp_path)
    change.run()
    world.stack.state.return_value = held_state("digits", volumes={"data": False}, bucket=True)
    again = Protect(world.session, "digits", "bucket", yes=False)
    assert again.run().changed is False
    assert again.reached == ["claim", "recover", "decide"]


@pytest.mark.parametrize("verb", ["place", "replace", "watch", "bring-back", "release", "feed"])
def test_a_job_that_another_command_ended_is_not_made_anew(tmp_path: Path, verb: str) -> None:
    change, world = VERBS[verb](tmp_path)
    world.stack.state.side_effect = JobNotFoundError("no stack named 'digits'")
    with pytest.raises(JobEndedError):
        change.run()
    assert change.reached == ["claim"]


PROTOCOL = {
    "admitted",
    "claimed",
    "no_unused_stack",
    "nothing_unrecorded",
    "tentative_config",
    "unchanged_when_locked",
    "with_job_file_lines",
}
"""The context managers that ``Change`` composes."""


def managers_entered(source: str) -> list[str]:
    """Names of the context managers of the protocol in ``with`` statements and ``enter_context`` calls."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        entered: list[ast.expr] = []
        if isinstance(node, (ast.With, ast.AsyncWith)):
            entered = [item.context_expr for item in node.items]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "enter_context":
            entered = node.args
        called = [each.func for each in entered if isinstance(each, ast.Call)]
        names = [getattr(each, "attr", getattr(each, "id", "")) for each in called]
        found += [name for name in names if name in PROTOCOL]
    return found


OPERATIONS = sorted(Path(runctl_auto.operations.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_no_operation_composes_the_protocol_itself(path: Path) -> None:
    assert len(managers_entered(path.read_text())) <= 2


def test_the_protocol_is_seen_where_it_is_composed() -> None:
    assert set(managers_entered(inspect.getsource(inspect.getmodule(Change)))) == PROTOCOL  # type: ignore[arg-type]
