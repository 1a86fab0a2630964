"""`systemctl`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.hosts.guest.control_socket import Request
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.power_programs import ask_init
from sandbox.hosts.guest.program_options import Arguments, parse
from sandbox.hosts.guest.stand_in import UsageError
from sandbox.hosts.guest.unit_files import ALWAYS_THERE, UnitFileError, full_name, read_unit

_FLAGS = ("--now", "--no-block", "-q", "--quiet", "--no-pager", "--system", "-a", "--all", "--no-legend",
          "--plain", "-l", "--full", "--value", "-f", "--force", "--no-wall")  # fmt: skip


def main(_name: str, arguments: list[str]) -> int:
    found = parse(arguments, _FLAGS, ("-p", "--property", "-t", "--type", "-n", "--lines", "-o", "--output"))
    command, *names = found.words or ["list-units"]
    if command not in _COMMANDS:
        raise UsageError(f"the command '{command}' is not supported by sandbox hosts")
    return _COMMANDS[command](command, tuple(full_name(name) for name in names), found)


def _power(command: str, _units: tuple[str, ...], _found: Arguments) -> int:
    return ask_init(Request(command, options={"seconds": "0"}))


def _reload(_command: str, _units: tuple[str, ...], _found: Arguments) -> int:
    return ask_init(Request("daemon-reload"))


def _is_system_running(_command: str, _units: tuple[str, ...], _found: Arguments) -> int:
    sys.stdout.write("running\n")
    return 0


def _list(command: str, _units: tuple[str, ...], found: Arguments) -> int:
    kind = "timer" if command == "list-timers" else found.value("-t", "--type") or ""
    options = {"type": kind, **({"all": "1"} if found.has("-a", "--all") else {})}
    return ask_init(Request("list", options=options))


def _to_init(command: str, units: tuple[str, ...], found: Arguments) -> int:
    if not units and command != "reset-failed":
        raise UsageError("Too few arguments.")
    options = {"no-block": "1"} if found.has("--no-block") else {}
    return _quietly(Request(command, units, options), found)


def _quietly(request: Request, found: Arguments) -> int:
    if not found.has("-q", "--quiet"):
        return ask_init(request)
    from io import StringIO

    kept, sys.stdout = sys.stdout, StringIO()
    try:
        return ask_init(request)
    finally:
        sys.stdout = kept


def _links(layout: HostLayout, unit: str) -> list[Path]:
    return sorted(layout.units.glob(f"*.wants/{unit}"))


def _enable_or_disable(command: str, units: tuple[str, ...], found: Arguments) -> int:
    layout = HostLayout.of_environment()
    if command in ("disable", "reenable"):
        for unit in units:
            for link in _links(layout, unit):
                link.unlink()
                sys.stderr.write(f"Removed {link}.\n")
    if command in ("enable", "reenable"):
        for unit in units:
            try:
                _enable(layout, unit)
            except UnitFileError as error:
                sys.stderr.write(f"Failed to enable unit: {error}\n")
                return 1
    code = ask_init(Request("daemon-reload"))
    if code == 0 and found.has("--now") and units:
        code = ask_init(Request("stop" if command == "disable" else "start", units))
    return code


def _enable(layout: HostLayout, unit: str, seen: frozenset[str] = frozenset()) -> None:
    if unit in ALWAYS_THERE or unit in seen:
        return
    head = read_unit(layout.units / unit).head
    if not head.wanted_by and not head.also:
        sys.stderr.write(f"The unit {unit} has no installation config (WantedBy=); it is not enabled.\n")
    for target in head.wanted_by:
        if target not in ALWAYS_THERE:
            raise UnitFileError(f"{unit}: WantedBy={target} is not supported by sandbox hosts")
        link = layout.units / f"{target}.wants" / unit
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(f"../{unit}")
            sys.stderr.write(f"Created symlink {link} -> {layout.units / unit}.\n")
    for other in head.also:
        _enable(layout, full_name(other), seen | {unit})


def _is_enabled(_command: str, units: tuple[str, ...], found: Arguments) -> int:
    layout, enabled = HostLayout.of_environment(), False
    for unit in units:
        if not (layout.units / unit).exists() and unit not in ALWAYS_THERE:
            sys.stderr.write(f"Failed to get unit file state for {unit}: No such file or directory\n")
            continue
        state = "enabled" if _links(layout, unit) else "static" if unit in ALWAYS_THERE else "disabled"
        enabled = enabled or state != "disabled"
        if not found.has("-q", "--quiet"):
            sys.stdout.write(f"{state}\n")
    return 0 if enabled else 1


def _properties(units: tuple[str, ...]) -> dict[str, str]:
    from sandbox.hosts.guest.control_socket import ask

    reply = ask(HostLayout.of_environment().run, Request("show", units))
    lines = (line.partition("=") for line in reply.out.splitlines())
    return {key: value for key, _, value in lines}


def _show(_command: str, units: tuple[str, ...], found: Arguments) -> int:
    named = [name for name in ("-p", "--property") if name in found.values]
    wanted = [key for name in named for text in found.values[name] for key in text.split(",")]
    for unit in units:
        layout = HostLayout.of_environment()
        properties = {
            **_properties((unit,)),
            "UnitFileState": "enabled" if _links(layout, unit) else "disabled",
        }
        for key in wanted or properties:
            if key not in properties:
                raise UsageError(f"the property '{key}' is not supported by sandbox hosts")
            sys.stdout.write(properties[key] + "\n" if found.has("--value") else f"{key}={properties[key]}\n")
    return 0


def _status(_command: str, units: tuple[str, ...], _found: Arguments) -> int:
    code = 0
    for unit in units:
        known = _properties((unit,))
        if known["LoadState"] == "not-found":
            sys.stderr.write(f"Unit {unit} could not be found.\n")
            code = 4
            continue
        sys.stdout.write(f"{unit} - {known['Description']}\n")
        sys.stdout.write(f"     Active: {known['ActiveState']} ({known['SubState']})\n")
        if known.get("MainPID", "0") != "0":
            sys.stdout.write(f"   Main PID: {known['MainPID']}\n")
        code = code or (0 if known["ActiveState"] == "active" else 3)
    return code


def _cat(_command: str, units: tuple[str, ...], _found: Arguments) -> int:
    layout = HostLayout.of_environment()
    for unit in units:
        path = layout.units / unit
        if not path.exists():
            sys.stderr.write(f"No files found for {unit}.\n")
            return 1
        sys.stdout.write(f"# {path}\n{path.read_text()}")
    return 0


_COMMANDS: dict[str, Callable[[str, tuple[str, ...], Arguments], int]] = {
    **dict.fromkeys(
        ("start", "stop", "restart", "try-restart", "is-active", "is-failed", "reset-failed"), _to_init
    ),
    **dict.fromkeys(("poweroff", "halt", "reboot"), _power),
    **dict.fromkeys(("daemon-reload", "daemon-reexec"), _reload),
    **dict.fromkeys(("enable", "disable", "reenable"), _enable_or_disable),
    **dict.fromkeys(("list-units", "list-timers"), _list),
    "is-enabled": _is_enabled,
    "is-system-running": _is_system_running,
    "show": _show,
    "status": _status,
    "cat": _cat,
}
