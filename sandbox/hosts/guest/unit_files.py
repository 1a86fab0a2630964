"""systemd unit files, as far as hosts support them; unsupported directives are rejected by name."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.hosts.guest import unit_values
from sandbox.hosts.guest.unit_values import Command, ValueRefusedError

BUILT_IN_TARGETS = frozenset(
    f"{name}.target"
    for name in (
        "basic", "cloud-config", "cloud-init", "default", "graphical", "local-fs", "multi-user", "network",
        "network-online", "network-pre", "nss-lookup", "paths", "remote-fs", "shutdown", "sockets", "sysinit",
        "time-sync", "timers",
    )
)  # fmt: skip
_BUILT_IN_SERVICES = frozenset(
    {"cloud-final.service", "cloud-init.service", "cloud-config.service", "systemd-networkd.service",
     "network.service", "systemd-user-sessions.service", "systemd-networkd-wait-online.service"}
)  # fmt: skip
ALWAYS_THERE = BUILT_IN_TARGETS | _BUILT_IN_SERVICES


def full_name(name: str) -> str:
    """A unit's name with its kind: a service's, unless it says another."""
    return name if name.rpartition(".")[2] in ("service", "timer", "target") else f"{name}.service"


class UnitFileError(ValueError):
    """A unit file that is missing, invalid or unsupported. The message names file and line."""


@dataclass(frozen=True)
class UnitHead:
    """What services and timers have in common."""

    name: str
    description: str
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    start_limit_interval: float = 10.0
    start_limit_burst: int = 5
    needs_path: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceUnit:
    head: UnitHead
    type: str = "simple"
    start: tuple[Command, ...] = ()
    start_pre: tuple[Command, ...] = ()
    start_post: tuple[Command, ...] = ()
    stop: tuple[Command, ...] = ()
    stop_post: tuple[Command, ...] = ()
    remain_after_exit: bool = False
    restart: str = "no"
    restart_seconds: float = 0.1
    start_seconds: float = 90.0
    stop_seconds: float = 90.0
    runtime_seconds: float = unit_values.INFINITY
    kill_mode: str = "control-group"
    kill_signal: int = int(signal.SIGTERM)
    send_sigkill: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    working_directory: str = ""
    output: str = "journal"
    error: str = "inherit"
    success_codes: frozenset[int] = frozenset()
    no_restart_codes: frozenset[int] = frozenset()
    umask: int = 0o022


@dataclass(frozen=True)
class TimerUnit:
    head: UnitHead
    unit: str
    on_active: tuple[float, ...] = ()
    on_boot: tuple[float, ...] = ()
    on_unit_active: tuple[float, ...] = ()
    on_unit_inactive: tuple[float, ...] = ()
    on_calendar: tuple[float, ...] = ()
    persistent: bool = False
    remain_after_elapse: bool = True


Unit = ServiceUnit | TimerUnit
_Values = list[str]


def _words(values: _Values) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.split())


def _last(values: _Values) -> str:
    return values[-1]


def _span(values: _Values) -> float:
    return unit_values.time_span(values[-1])


def _bounded_span(values: _Values) -> float:
    """A time span for timeouts, where zero means none."""
    return unit_values.time_span(values[-1]) or unit_values.INFINITY


def _spans(values: _Values) -> tuple[float, ...]:
    return tuple(unit_values.time_span(value) for value in values)


def _calendar(values: _Values) -> tuple[float, ...]:
    return tuple(unit_values.calendar_time(value) for value in values)


def _truth(values: _Values) -> bool:
    return unit_values.truth(values[-1])


def _commands(values: _Values) -> tuple[Command, ...]:
    return tuple(unit_values.command(value) for value in values)


def _integer(values: _Values) -> int:
    try:
        return int(values[-1])
    except ValueError as error:
        raise ValueRefusedError(f"not a number: {values[-1]!r}") from error


def _octal(values: _Values) -> int:
    try:
        return int(values[-1], 8)
    except ValueError as error:
        raise ValueRefusedError(f"not a mode: {values[-1]!r}") from error


def _environment(values: _Values) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        found.update(unit_values.assignments(value))
    return found


def _signal(values: _Values) -> int:
    text = values[-1]
    if text.isdigit():
        return int(text)
    try:
        return int(signal.Signals[text if text.startswith("SIG") else f"SIG{text}"])
    except KeyError as error:
        raise ValueRefusedError(f"not a signal: {text!r}") from error


def _codes(values: _Values) -> frozenset[int]:
    """Exit codes as they are, signals as negative numbers."""
    found = set()
    for word in _words(values):
        found.add(int(word) if word.isdigit() else -_signal([word]))
    return frozenset(found)


def _one_of(*allowed: str) -> Callable[[_Values], str]:
    def parse(values: _Values) -> str:
        if values[-1] not in allowed:
            raise ValueRefusedError(f"{values[-1]!r} is not supported; supported: {', '.join(allowed)}")
        return values[-1]

    return parse


def _output(values: _Values) -> str:
    kind, _, path = values[-1].partition(":")
    if kind in ("journal", "null", "inherit", "journal+console", "tty", "syslog"):
        return "null" if kind == "null" else "inherit" if kind == "inherit" else "journal"
    if kind in ("append", "file", "truncate") and path.startswith("/"):
        return values[-1]
    raise ValueRefusedError(f"{values[-1]!r} is not supported; use journal, null, inherit or append:/path")


_NO_EFFECT = None
"""Directives without effect on a host of one user whose network and disks are always available."""

_Table = dict[str, tuple[str, Callable[[_Values], object]] | None]

_UNIT: _Table = {
    "Description": ("description", _last),
    "After": ("after", _words),
    "Requires": ("requires", _words),
    "BindsTo": ("requires", _words),
    "Wants": ("wants", _words),
    "StartLimitIntervalSec": ("start_limit_interval", _span),
    "StartLimitInterval": ("start_limit_interval", _span),
    "StartLimitBurst": ("start_limit_burst", _integer),
    "ConditionPathExists": ("needs_path", _words),
    "Documentation": _NO_EFFECT,
    "Before": _NO_EFFECT,
    "DefaultDependencies": _NO_EFFECT,
    "Conflicts": _NO_EFFECT,
    "CollectMode": _NO_EFFECT,
}
_INSTALL: _Table = {
    "WantedBy": ("wanted_by", _words),
    "RequiredBy": ("wanted_by", _words),
    "Also": ("also", _words),
}
_SERVICE: _Table = {
    "Type": ("type", _one_of("simple", "exec", "oneshot", "idle")),
    "ExecStart": ("start", _commands),
    "ExecStartPre": ("start_pre", _commands),
    "ExecStartPost": ("start_post", _commands),
    "ExecStop": ("stop", _commands),
    "ExecStopPost": ("stop_post", _commands),
    "RemainAfterExit": ("remain_after_exit", _truth),
    "Restart": ("restart", _one_of("no", "on-failure", "always", "on-success", "on-abnormal", "on-abort")),
    "RestartSec": ("restart_seconds", _span),
    "TimeoutStartSec": ("start_seconds", _bounded_span),
    "TimeoutStopSec": ("stop_seconds", _bounded_span),
    "RuntimeMaxSec": ("runtime_seconds", _bounded_span),
    "KillMode": ("kill_mode", _one_of("control-group", "mixed", "process", "none")),
    "KillSignal": ("kill_signal", _signal),
    "SendSIGKILL": ("send_sigkill", _truth),
    "Environment": ("environment", _environment),
    "EnvironmentFile": ("environment_files", tuple),
    "WorkingDirectory": ("working_directory", _last),
    "StandardOutput": ("output", _output),
    "StandardError": ("error", _output),
    "SuccessExitStatus": ("success_codes", _codes),
    "RestartPreventExitStatus": ("no_restart_codes", _codes),
    "UMask": ("umask", _octal),
    "User": ("_user", _one_of("root", "0")),
    "Group": ("_user", _one_of("root", "0")),
    "StandardInput": ("_input", _one_of("null")),
    "StartLimitInterval": ("start_limit_interval", _span),
    "StartLimitBurst": ("start_limit_burst", _integer),
    "SyslogIdentifier": _NO_EFFECT,
    "OOMScoreAdjust": _NO_EFFECT,
    "OOMPolicy": _NO_EFFECT,
    "Nice": _NO_EFFECT,
    "LimitNOFILE": _NO_EFFECT,
    "LimitMEMLOCK": _NO_EFFECT,
    "LimitCORE": _NO_EFFECT,
    "TasksMax": _NO_EFFECT,
    "Delegate": _NO_EFFECT,
    "NoNewPrivileges": _NO_EFFECT,
}
_TIMER: _Table = {
    "Unit": ("unit", _last),
    "OnActiveSec": ("on_active", _spans),
    "OnBootSec": ("on_boot", _spans),
    "OnStartupSec": ("on_boot", _spans),
    "OnUnitActiveSec": ("on_unit_active", _spans),
    "OnUnitInactiveSec": ("on_unit_inactive", _spans),
    "OnCalendar": ("on_calendar", _calendar),
    "Persistent": ("persistent", _truth),
    "RemainAfterElapse": ("remain_after_elapse", _truth),
    "AccuracySec": _NO_EFFECT,
}
_HEAD_FIELDS = frozenset(UnitHead.__dataclass_fields__)


def read_unit(path: Path) -> Unit:
    """Read and validate one unit file. Raises UnitFileError."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise UnitFileError(f"Unit {path.name} could not be found.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnitFileError(f"{path}: {error}") from error
    return parse_unit(path.name, text)


def parse_unit(name: str, text: str) -> Unit:
    """Parse a service or timer. Raises UnitFileError."""
    kind = name.rpartition(".")[2]
    if kind not in ("service", "timer"):
        raise UnitFileError(f"{name}: units of type '{kind}' are not supported, services and timers are")
    if "@" in name:
        raise UnitFileError(f"{name}: template units ('@') are not supported")
    tables = {"Unit": _UNIT, "Install": _INSTALL, ("Service" if kind == "service" else "Timer"): (
        _SERVICE if kind == "service" else _TIMER
    )}  # fmt: skip
    collected = _collect(name, text, tables)
    fields: dict[str, object] = {}
    for section, key, values, line in collected:
        entry = tables[section][key]
        if entry is None:
            continue
        attribute, parse = entry
        try:
            parsed = parse(values)
        except ValueRefusedError as error:
            raise UnitFileError(f"{name}:{line}: {key}=: {error}") from error
        if isinstance(parsed, tuple):
            parsed = (*_tuple(fields.get(attribute)), *parsed)
        fields[attribute] = parsed
    fields.setdefault("description", name)
    head = UnitHead(name=name, **{k: v for k, v in fields.items() if k in _HEAD_FIELDS})  # type: ignore[arg-type]
    own = {k: v for k, v in fields.items() if k not in _HEAD_FIELDS and not k.startswith("_")}
    return _service(head, own) if kind == "service" else _timer(head, own)


def _tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def _service(head: UnitHead, fields: dict[str, object]) -> ServiceUnit:
    unit = ServiceUnit(head, **fields)  # type: ignore[arg-type]
    if unit.type == "oneshot":
        if unit.restart in ("always", "on-success"):
            raise UnitFileError(f"{head.name}: Restart={unit.restart} is not possible with Type=oneshot")
        if "start_seconds" not in fields:
            unit = ServiceUnit(head, **{**fields, "start_seconds": unit_values.INFINITY})  # type: ignore[arg-type]
    elif len(unit.start) != 1:
        raise UnitFileError(f"{head.name}: exactly one ExecStart= is needed, found {len(unit.start)}")
    return unit


def _timer(head: UnitHead, fields: dict[str, object]) -> TimerUnit:
    fields.setdefault("unit", head.name[: -len("timer")] + "service")
    timer = TimerUnit(head, **fields)  # type: ignore[arg-type]
    if not (
        timer.on_active
        or timer.on_boot
        or timer.on_calendar
        or timer.on_unit_active
        or timer.on_unit_inactive
    ):
        raise UnitFileError(
            f"{head.name}: a timer needs OnActiveSec=, OnBootSec=, OnCalendar= or OnUnitActiveSec="
        )
    return timer


def _collect(name: str, text: str, tables: dict[str, _Table]) -> list[tuple[str, str, _Values, int]]:
    """All values of each key, in order; an empty value clears those before it."""
    found: dict[tuple[str, str], tuple[_Values, int]] = {}
    section = ""
    for number, line in _logical_lines(text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            if section not in tables and not section.startswith("X-"):
                raise UnitFileError(f"{name}:{number}: the section [{section}] is not supported")
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if not sign:
            raise UnitFileError(f"{name}:{number}: not an assignment: {line!r}")
        if section.startswith("X-") or key.startswith("X-"):
            continue
        if section not in tables:
            raise UnitFileError(f"{name}:{number}: {key}= stands before any section")
        if key not in tables[section]:
            raise UnitFileError(f"{name}:{number}: {key}= in [{section}] is not supported by sandbox hosts")
        if "%" in value.replace("%%", "") and key not in ("Description", "Documentation"):
            raise UnitFileError(f"{name}:{number}: {key}=: specifiers ('%') are not supported")
        if value:
            values, _ = found.get((section, key), ([], number))
            found[section, key] = ([*values, value.replace("%%", "%")], number)
        else:
            found.pop((section, key), None)
    return [(section, key, values, number) for (section, key), (values, number) in found.items()]


def _logical_lines(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    """Lines with their numbers, without comments and blank lines, and with `\\` continuations joined."""
    pending, first = "", 0
    for number, raw in enumerate(lines, 1):
        stripped = raw.strip()
        if stripped[:1] in ("#", ";") or (not stripped and not pending):
            continue
        first = first if pending else number
        if stripped.endswith("\\"):
            pending += stripped[:-1].rstrip() + " "
            continue
        yield first, pending + stripped
        pending = ""
    if pending:
        yield first, pending.strip()
