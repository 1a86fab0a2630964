"""Unit files: what is understood, and the refusal by name of all else."""

import signal

import pytest

from runctl_auto.agent.start import units as agent_units
from sandbox.hosts.guest.unit_files import ServiceUnit, TimerUnit, UnitFileError, parse_unit, read_unit

SERVICE = """
[Unit]
Description=the work
After=network-online.target \\
      other.service
Wants=network-online.target
StartLimitBurst=3

[Service]
ExecStartPre=-/bin/false
ExecStart=/bin/sh -c 'echo hi'
Restart=on-failure
RestartSec=2
TimeoutStopSec=2min
KillMode=mixed
KillSignal=SIGINT
Environment=A=1
Environment="B=x y"
SuccessExitStatus=7 SIGUSR1

[Install]
WantedBy=multi-user.target
"""


def test_service():
    unit = parse_unit("work.service", SERVICE)
    assert isinstance(unit, ServiceUnit)
    assert unit.head.after == ("network-online.target", "other.service")
    assert unit.head.wanted_by == ("multi-user.target",)
    assert unit.head.start_limit_burst == 3
    assert unit.start[0].words == ("/bin/sh", "-c", "echo hi")
    assert (unit.restart, unit.restart_seconds, unit.stop_seconds) == ("on-failure", 2, 120)
    assert unit.kill_signal == signal.SIGINT
    assert unit.environment == {"A": "1", "B": "x y"}
    assert unit.success_codes == {7, -signal.SIGUSR1}
    assert unit.start_pre[0].ignore_failure


def test_empty_value_forgets_what_was_before():
    unit = parse_unit("a.service", "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\n")
    assert isinstance(unit, ServiceUnit)
    assert [command.words for command in unit.start] == [("/bin/b",)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[Service]\nExecStart=/bin/a\nDynamicUser=yes\n",
            "a.service:3: DynamicUser= in [Service] is not supported",
        ),
        ("[Socket]\nListenStream=1\n", "a.service:1: the section [Socket] is not supported"),
        ("[Service]\nType=notify\nExecStart=/bin/a\n", "a.service:2: Type=: 'notify' is not supported"),
        ("[Service]\nExecStart=/bin/a\nUser=ubuntu\n", "a.service:3: User=: 'ubuntu' is not supported"),
        ("[Service]\nExecStart=/bin/a %i\n", "specifiers ('%') are not supported"),
        ("[Service]\nExecStart=/bin/a\nExecStart=/bin/b\n", "exactly one ExecStart= is needed, found 2"),
        ("[Service]\nRestart=no\n", "exactly one ExecStart= is needed, found 0"),
        ("[Service]\nType=oneshot\nExecStart=/bin/a\nRestart=always\n", "Restart=always is not possible"),
        ("ExecStart=/bin/a\n", "stands before any section"),
        ("[Service]\nnonsense\n", "a.service:2: not an assignment"),
        ("[Service]\nExecStart=/bin/a\nRestartSec=soon\n", "a.service:3: RestartSec=: not a time span"),
    ],
)
def test_refusals_name_line_and_directive(text, told):
    with pytest.raises(UnitFileError) as refused:
        parse_unit("a.service", text)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["a.socket", "a.mount", "a@.service"])
def test_other_kinds_of_units_are_refused(name):
    with pytest.raises(UnitFileError, match="not supported"):
        parse_unit(name, "[Service]\nExecStart=/bin/a\n")


def test_own_extensions_are_passed_over():
    unit = parse_unit("a.service", "[X-Runctl]\nA=%n\n[Service]\nExecStart=/bin/a\nX-Note=1\n")
    assert isinstance(unit, ServiceUnit)


def test_timer():
    unit = parse_unit("a.timer", "[Timer]\nOnBootSec=1min\nOnUnitActiveSec=5\nUnit=b.service\n")
    assert isinstance(unit, TimerUnit)
    assert (unit.unit, unit.on_boot, unit.on_unit_active) == ("b.service", (60,), (5,))
    with pytest.raises(UnitFileError, match="a timer needs"):
        parse_unit("a.timer", "[Timer]\nPersistent=true\n")


def test_missing_file_is_told_as_systemd_does(tmp_path):
    with pytest.raises(UnitFileError, match=r"Unit x.service could not be found"):
        read_unit(tmp_path / "x.service")


def test_agents_own_units_are_understood(tmp_path):
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1/", "ODD": 'a "b" \\ 100%'}
    service = parse_unit(
        agent_units.AGENT_SERVICE, agent_units.agent_service(tmp_path / "agent.pyz", environment)
    )
    assert isinstance(service, ServiceUnit)
    assert service.environment == environment
    assert service.restart == "on-failure"
    deadline = agent_units.deadline_units(1_800_000_000.0)
    timer = parse_unit(agent_units.DEADLINE_TIMER, deadline[agent_units.DEADLINE_TIMER])
    assert isinstance(timer, TimerUnit)
    assert timer.on_calendar == (1_800_000_000,)
    assert timer.unit == agent_units.DEADLINE_SERVICE
    parse_unit(agent_units.DEADLINE_SERVICE, deadline[agent_units.DEADLINE_SERVICE])
