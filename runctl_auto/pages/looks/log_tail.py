"""The end of a run's log, and what is added to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runctl_auto.agent.keys import log_part_name, log_part_number, node_logs_prefix
from runctl_auto.local.printable import log_line_for_terminal

if TYPE_CHECKING:
    from runctl_auto.jobs.listing import ListedJob
    from runctl_auto.jobs.session import Session

MOST_LINES = 500
MOST_OF_A_LINE = 2000
"""How many characters of a line are shown."""
_FIRST_PARTS = 3
"""So many of the last parts are read first, of about 1 MiB at most each."""


@dataclass(frozen=True)
class LogTail:
    """Lines of a run's log as they can be shown: plain text, each on one line. ``part`` is the number of the
    last part that was read, None before the first: what comes after it is new. ``is_whole``: the first line
    is the log's first. ``ends_a_line``: the last line is complete.
    """

    run: str | None
    lines: tuple[str, ...] = ()
    part: int | None = None
    is_whole: bool = True
    ends_a_line: bool = True


def log_tail(session: Session, job: ListedJob, after: int | None = None) -> LogTail:
    """The last lines of the log of a job's run, or those after part ``after``. One request and one for each
    part; blocks. Raises ``CloudError``.
    """
    facts = job.facts
    if facts is None:
        return LogTail(None)
    place, run = facts.config.placement, facts.config.run.id
    results = session.provider(place.region).results(facts.config.job.name, place.account)
    begin = after if after is not None else _first(job)
    key = None if begin is None else f"{node_logs_prefix(run, 0)}{log_part_name(begin)}"
    lines: deque[str] = deque(maxlen=MOST_LINES + 1)
    last, rest, count = after, "", 0
    for part in results.log_parts(run, after=key):
        first, *others = (rest + part.text).split("\n")
        for line in others:
            lines.append(first)
            first = line
            count += 1
        rest = first[-4 * MOST_OF_A_LINE :]
        last = log_part_number(part.key.rpartition("/")[2])
    if rest:
        lines.append(rest)
    shown = list(lines)[-MOST_LINES:]
    return LogTail(
        run=run,
        lines=tuple(_shown(line) for line in shown),
        part=last,
        is_whole=begin is None and count + bool(rest) <= MOST_LINES,
        ends_a_line=not rest,
    )


def _first(job: ListedJob) -> int | None:
    """The part before the first that is read; None where the log is short."""
    status = job.facts.status if job.facts else None
    told = status.raw.get("log_parts") if status else None
    count = told if isinstance(told, int) else 0
    return count - _FIRST_PARTS - 1 if count > _FIRST_PARTS else None


def _shown(line: str) -> str:
    plain = log_line_for_terminal(line, colours=False)
    return plain if len(plain) <= MOST_OF_A_LINE else f"{plain[: MOST_OF_A_LINE - 1]}…"
