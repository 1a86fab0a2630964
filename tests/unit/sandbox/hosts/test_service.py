"""The life of a service, with children that the test ends."""

import asyncio
import signal

import pytest

from sandbox.hosts.guest import service as service_module
from sandbox.hosts.guest.children import Child
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.machine import Console, Machine
from sandbox.hosts.guest.service import Service, StartLimit, restarts, result_of
from sandbox.hosts.guest.unit_files import ServiceUnit, parse_unit


def unit(text: str) -> ServiceUnit:
    parsed = parse_unit("work.service", f"[Service]\n{text}")
    assert isinstance(parsed, ServiceUnit)
    return parsed


class ScriptedChildren:
    """Takes the place of Children: a start ends with the next of `codes`, or runs until it is signalled."""

    def __init__(self, *codes: int | None) -> None:
        self.codes = list(codes)
        self.started: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.running: dict[int, asyncio.Future[int]] = {}
        self.signals: list[int] = []

    def start(self, arguments, environment, **_):
        self.started.append(list(arguments))
        self.environments.append(dict(environment))
        ended = asyncio.get_running_loop().create_future()
        pid = 1000 + len(self.started)
        code = self.codes.pop(0) if self.codes else None
        if code is None:
            self.running[pid] = ended
        else:
            ended.set_result(code)
        return Child(pid, ended)

    def send(self, pids, number):
        self.signals.append(number)
        for pid in pids:
            if pid in self.running:
                self.running.pop(pid).set_result(-number)


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(service_module.process_table, "members", lambda main, _: {main} if main else set())

    def build(text, *codes):
        children = ScriptedChildren(*codes)
        monkeypatch.setattr(service_module.process_table, "send", children.send)
        layout = HostLayout(tmp_path)
        quiet = open(tmp_path / "console", "wb")  # noqa: SIM115, PTH123
        machine = Machine(layout, {"PATH": "/bin"}, tmp_path / "programs", children, Console(quiet.fileno()))
        service = Service(unit(text), machine)
        service.kept = quiet
        return service, children

    return build


async def over(service):
    await asyncio.wait([service._life], timeout=5)


def test_failure_restarts_until_the_limit(make):
    async def life():
        service, children = make(
            "ExecStart=/bin/work\nRestart=on-failure\nRestartSec=0\nStartLimitBurst=3\n", 1, 1, 1, 1, 1
        )
        await service.start()
        await over(service)
        assert len(children.started) == 3
        assert (service.state, service.result) == ("failed", "start-limit-hit")

    asyncio.run(life())


def test_success_ends_a_service_that_restarts_on_failure(make):
    async def life():
        service, children = make("ExecStart=/bin/work\nRestart=on-failure\nRestartSec=0\n", 7, 0)
        assert await service.start()
        await over(service)
        assert len(children.started) == 2
        assert (service.state, service.result, service.restart_count) == ("inactive", "success", 1)

    asyncio.run(life())


def test_stop_sends_the_signal_and_does_not_restart(make):
    async def life():
        service, children = make("ExecStart=/bin/work\nRestart=always\nKillMode=mixed\n")
        assert await service.start()
        assert (service.state, service.main_pid) == ("active", 1001)
        await service.stop()
        assert children.signals[0] == signal.SIGTERM
        assert len(children.started) == 1
        assert (service.state, service.result) == ("inactive", "success")

    asyncio.run(life())


def test_stop_kills_what_does_not_end(make):
    async def life():
        service, children = make("ExecStart=/bin/work\nTimeoutStopSec=10ms\nKillMode=mixed\n")
        stubborn = children.send

        def send(pids, number):
            if number == signal.SIGTERM:
                children.signals.append(number)
            else:
                stubborn(pids, number)

        service_module.process_table.send = send
        await service.start()
        await service.stop()
        assert children.signals == [signal.SIGTERM, signal.SIGKILL]
        assert (service.state, service.result) == ("failed", "timeout")

    asyncio.run(life())


def test_oneshot_runs_all_and_start_waits_for_the_end(make):
    async def life():
        service, children = make(
            "Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b\nRemainAfterExit=yes\n", 0, 0
        )
        assert await service.start()
        assert [words[0] for words in children.started] == ["/bin/a", "/bin/b"]
        assert (service.state, service.substate) == ("active", "exited")
        await service.stop()
        assert service.state == "inactive"

    asyncio.run(life())


def test_oneshot_that_fails_fails_its_start(make):
    async def life():
        service, _ = make("Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b\n", 3)
        assert not await service.start()
        assert (service.state, service.exit_code) == ("failed", 3)

    asyncio.run(life())


def test_commands_around_the_main_process(make):
    async def life():
        service, children = make(
            "ExecStartPre=-/bin/pre\nExecStart=/bin/work\n"
            "ExecStop=/bin/bye $MAINPID\nExecStopPost=/bin/post\n",
            1, None, 0, 0,
        )  # fmt: skip
        assert await service.start()
        await service.stop()
        assert children.started == [["/bin/pre"], ["/bin/work"], ["/bin/bye", "1002"], ["/bin/post"]]
        assert children.environments[-1]["SERVICE_RESULT"] == "success"
        assert len({environment["INVOCATION_ID"] for environment in children.environments}) == 1

    asyncio.run(life())


def test_failing_condition_skips_the_start(make, tmp_path):
    async def life():
        service, children = make("ExecStart=/bin/work\n")
        parsed = parse_unit(
            "work.service", f"[Unit]\nConditionPathExists={tmp_path}/none\n[Service]\nExecStart=/bin/work\n"
        )
        service.use(parsed)
        assert await service.start()
        assert children.started == []
        assert service.state == "inactive"

    asyncio.run(life())


@pytest.mark.parametrize(
    ("policy", "result", "expected"),
    [
        ("no", "exit-code", False),
        ("always", "success", True),
        ("on-success", "success", True),
        ("on-success", "signal", False),
        ("on-failure", "success", False),
        ("on-failure", "timeout", True),
        ("on-abnormal", "exit-code", False),
        ("on-abnormal", "timeout", True),
        ("on-abort", "signal", True),
        ("on-abort", "timeout", False),
    ],
)
def test_restart_policies(policy, result, expected):
    assert restarts(unit(f"ExecStart=/bin/a\nRestart={policy}\n"), result, 1) is expected


def test_code_that_prevents_restart():
    held = unit("ExecStart=/bin/a\nRestart=always\nRestartPreventExitStatus=3 SIGKILL\n")
    assert not restarts(held, "exit-code", 3)
    assert not restarts(held, "signal", -signal.SIGKILL)
    assert restarts(held, "exit-code", 4)


def test_results():
    simple, oneshot = (
        unit("ExecStart=/bin/a\nSuccessExitStatus=9\n"),
        unit("Type=oneshot\nExecStart=/bin/a\n"),
    )
    assert result_of(simple, 9) == "success"
    assert result_of(simple, -signal.SIGTERM) == "success"
    assert result_of(oneshot, -signal.SIGTERM) == "signal"
    assert result_of(simple, -signal.SIGKILL) == "signal"
    assert result_of(simple, 1) == "exit-code"


def test_start_limit_forgets_what_is_long_ago():
    limit = StartLimit(10.0, 2)
    assert [limit.allows(t) for t in (0.0, 1.0, 2.0, 10.5, 10.6)] == [True, True, False, True, False]
    assert all(StartLimit(0.0, 5).allows(0.0) for _ in range(9))
