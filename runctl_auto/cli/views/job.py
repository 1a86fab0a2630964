"""A job's status and description as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runctl_auto.agent.contract import Phase
from runctl_auto.cli.views.metrics import summary_lines
from runctl_auto.cli.views.stopped import costs_of_stopped
from runctl_auto.local.plain_text import plain_text
from runctl_auto.local.printable import printable
from runctl_auto.reports.figures import moment, rate_text, short_age, spent_text
from runctl_auto.stack.place_text import place_text

if TYPE_CHECKING:
    from runctl_auto.observe.notices import SentNotice
    from runctl_auto.operations.describe import JobDescription
    from runctl_auto.operations.status import JobStatus
    from runctl_auto.run.status import RunStatus

_WIDTH = 12


def status_lines(job: JobStatus) -> Iterator[str]:
    """The status of the job, one subject a line, without its name and phase."""
    config, status, facts = job.config, job.status, job.facts
    place = config.placement
    yield _line("run", f"{config.run.id}, attempt {config.run.attempt}")
    yield _line("machine", _machine(job))
    yield from node_lines(status)
    yield _line("placement", place_text(place))
    if status is not None and status.unreadable is not None:
        yield _line("problem", status.unreadable)
        status = None
    if status is not None:
        ended = f", ended {moment(status.ended_at)}" if status.ended_at else ""
        yield _line("age", f"{short_age(facts.age_seconds)}, began {moment(status.started_at)}{ended}")
    yield _line("cost", _cost(job))
    if job.phase == Phase.STOPPED and (job.machine is None or job.machine.has_ended):
        yield _line("stopped", f"{costs_of_stopped(job)}; `runctl resume {config.job.name}` continues it")
    if status is not None:
        yield _line("last heard", f"{short_age(facts.heartbeat_age_seconds)} ago")
        checkpoints = facts.checkpoints or {}
        last = (
            f", last {checkpoints['last']} at {moment(checkpoints.get('last_at'))}"
            if checkpoints.get("last")
            else ""
        )
        yield _line("checkpoints", f"{checkpoints.get('count', 0)}{last}")
        for subject, text in summary_lines(status.metrics):
            yield _line(subject, text)
        yield from try_lines(status)
        yield from saving_lines(status)
        if status.exit_code is not None:
            yield _line("exit code", str(status.exit_code))
        if status.reason:
            yield _line("reason", status.reason + (f": {status.message}" if status.message else ""))
    for sent in job.notices:
        yield _line("notice", _notice(sent))
    for name in job.protected:
        yield _line("protected", name)
    for each in job.drift:
        yield _line("drift", f"{each.resource} {each.id}: {each.what}")
        yield _line("", each.next_step)


def node_lines(status: RunStatus | None) -> Iterator[str]:
    """What each of several nodes does, as the first of them sees it."""
    for each in status.nodes if status is not None else ():
        code = "" if each["exit_code"] is None else f", exit code {each['exit_code']}"
        where = ", ".join(filter(None, (each["instance"], each["address"])))
        since = f" since {moment(each['since'])}"
        yield _line(f"rank {each['node']}", f"{each['phase']}{since}{code}{f' ({where})' if where else ''}")


def _notice(sent: SentNotice) -> str:
    told = sent.told
    how = {"sent": "sent", "sending": "began to be sent, and may not have arrived"}.get(
        told.outcome, f"{told.outcome}: {told.why}" if told.why else told.outcome
    )
    return f"{sent.notice} by {sent.channel}: {how}, {moment(told.at)}, {told.by}"


def _machine(job: JobStatus) -> str:
    machine = f"{job.machine.id} ({job.machine.state})" if job.machine else "none"
    if job.group is None:
        return machine
    return f"{machine}, in a group that wants {job.group.wanted}"


def description_lines(job: JobDescription) -> Iterator[str]:
    """The full description of the job, without its name and phase."""
    from runctl_auto.operations.describe import problem_of
    from runctl_auto.run.status import RunStatus

    yield from status_lines(job.now)
    config = job.now.config
    yield _line("of that", _cost_parts(job.now) or "nothing yet")
    yield _line("owner", config.owner)
    yield _line("tags", ", ".join(f"{key}={value}" for key, value in config.job.tags.items()) or "none")
    yield _line("command", " ".join(config.job.run.split()))
    yield _line("image", config.placement.image)
    if config.container is not None:
        yield _line("container", f"{config.container.image}, {config.container.reference}")
    yield _line("network", f"{config.placement.vpc}, {config.placement.subnet}")
    yield _line("account", f"{config.placement.account}, {config.placement.region}")
    for name, value in job.outputs.items():
        if name in ("bucket", "volumes"):
            yield _line(name, value if isinstance(value, str) else _pairs(value))
    for refused in config.trail:
        yield _line("refused", f"{moment(refused.at)} {refused}")
    yield f"  runs ({len(job.runs)}):"
    for run, status in job.runs:
        if not isinstance(status, RunStatus) or status.unreadable is not None:
            yield printable(f"    {run}: {problem_of(status) or 'no status yet'}")
            continue
        code = f", exit code {status.exit_code}" if status.exit_code is not None else ""
        yield printable(f"    {run}: {status.phase}{code}, began {moment(status.started_at)}")
        if run != config.run.id:
            history = (*try_lines(status), *saving_lines(status))
            yield from (f"      {line.strip()}" for line in history)
    for each in job.sessions or ():
        ended = f" until {moment(each.ended_at)}" if each.ended_at else ""
        yield _line("reached", f"{moment(each.at)}{ended} {each.kind} by {each.who}, machine {each.machine}")
    for pending in job.now.state.pending:
        yield _line("open", f"{pending.operation} {pending.resource.name}: its outcome is not known")


def try_lines(status: RunStatus) -> Iterator[str]:
    """The tries that failed and were followed by another one."""
    for each in status.tries:
        what = each["message"] or each["reason"]
        yield _line(f"try {each['number']}", f"failed at {moment(each['ended_at'])}: {what}")


def saving_lines(status: RunStatus) -> Iterator[str]:
    """What could not be saved, and which starts from checkpoints failed."""
    for start in status.resumes:
        if start["failure"] is not None:
            yield _line("resumed", f"from {start['checkpoint']}, failed at the start: {start['failure']}")
    if status.suspect is not None:
        suspect = status.suspect
        yield _line("suspect", f"checkpoint {suspect['sequence']}: {suspect['path']} {suspect['why']}")
    for each in status.unsaved:
        path = "" if each["path"] is None else f" {each['path']}"
        yield _line("not saved", f"{each['what']}:{path} {each['why']}")


def resource_rows(job: JobDescription) -> list[tuple[str, str, str, str]]:
    """Name, type, protection and id of the cloud resources in the state, indented as the lines above."""
    from runctl_auto.cli.progress import short_type

    return [
        (f"    {each.name}", short_type(each.type), "protected" if each.protect else "", each.id)
        for each in job.resources
    ]


def change_line(job: JobStatus) -> str:
    """The job's status in one line; the text changes only when something relevant to the user changes."""
    checkpoints = (job.facts.checkpoints or {}).get("count", 0)
    machine = f"{job.machine.id} {job.machine.state}" if job.machine else "no machine"
    drift = "".join(f"; {each.resource}: {each.what}" for each in job.drift)
    return printable(f"{job.config.job.name}: {job.phase}, {machine}, {checkpoints} checkpoints{drift}")


def _cost(job: JobStatus) -> str:
    cost = job.facts.cost
    now = f"{rate_text(cost.hour)} an hour now" if cost.hour.usd or not cost.hour.complete else "nothing now"
    return f"{spent_text(cost.total)} so far, {now}"


def _cost_parts(job: JobStatus) -> str:
    cost = job.facts.cost
    count = len(cost.machines)
    parts = (
        (f"{count} machine{'' if count == 1 else 's'}, {short_age(cost.seconds)}", cost.of("machine")),
        ("disks", cost.of("disk")),
        ("addresses", cost.of("address")),
        ("volumes", cost.of("volume")),
    )
    return "; ".join(f"{name} {spent_text(each)}" for name, each in parts if each.usd or not each.complete)


def _pairs(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
    return str(value)


def _line(subject: str, text: str) -> str:
    subject = printable(subject) + ":" if subject else ""
    return f"  {subject:<{_WIDTH}} {printable(plain_text(text))}".rstrip()
