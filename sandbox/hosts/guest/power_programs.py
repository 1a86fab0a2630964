"""`shutdown`, `poweroff`, `halt`, `reboot`."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta, timezone

from sandbox.hosts.guest.control_socket import InitUnreachableError, Request, ask
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError

_FLAGS = ("-h", "-H", "-P", "-p", "-r", "-c", "-f", "-n", "-w", "-k", "--no-wall", "--halt", "--poweroff",
          "--reboot", "--force")  # fmt: skip


def main(name: str, arguments: list[str]) -> int:
    found = parse(arguments, _FLAGS)
    if found.has("-k"):
        raise UsageError("the option '-k' is not supported by sandbox hosts")
    if name == "shutdown" and found.has("-c"):
        return ask_init(Request("cancel-shutdown"))
    reboot = (name == "reboot" and not found.has("--poweroff", "--halt", "-p")) or found.has("-r", "--reboot")
    seconds = 0.0
    if name == "shutdown":
        seconds = delay(found.words[0] if found.words else "+1", datetime.now(timezone.utc))
        if seconds:
            when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
            sys.stderr.write(
                f"Shutdown scheduled for {when:%a %Y-%m-%d %H:%M:%S} UTC, use 'shutdown -c' to cancel.\n"
            )
    return ask_init(Request("reboot" if reboot else "poweroff", options={"seconds": str(seconds)}))


def delay(when: str, now: datetime) -> float:
    """Seconds until `now`, `+minutes` or `hh:mm`."""
    if when == "now":
        return 0.0
    if re.fullmatch(r"\+?\d+", when):
        return int(when) * 60.0
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", when)
    if not clock or int(clock.group(1)) > 23 or int(clock.group(2)) > 59:
        raise UsageError(f"failed to parse time specification: {when}")
    target = now.replace(hour=int(clock.group(1)), minute=int(clock.group(2)), second=0, microsecond=0)
    if target <= now:
        target += timedelta(days=1)
    return (target - now).total_seconds()


def ask_init(request: Request) -> int:
    """Send a request to the init; prints the reply's text and returns its code."""
    try:
        reply = ask(HostLayout.of_environment().run, request)
    except InitUnreachableError as error:
        sys.stderr.write(f"Failed to connect to bus: {error}\n")
        return 1
    sys.stdout.write(reply.out)
    sys.stderr.write(reply.error)
    return reply.code
