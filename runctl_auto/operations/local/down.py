"""``down`` of a job of this machine: its processes end, its artifacts come home, its folder goes, and that
nothing is left is proved by looking."""

from __future__ import annotations

from dataclasses import replace

from runctl_auto.agent.contract import Reason
from runctl_auto.agent.local.agent_record import HERE
from runctl_auto.agent.local.in_container import container_name, has_container, runtime_of
from runctl_auto.agent.local.leftover import end_marked
from runctl_auto.errors import JobNotFoundError, NotSupportedError
from runctl_auto.jobs.artifacts.fetch import Download
from runctl_auto.jobs.artifacts.of_job import fetch_stored_artifacts, unfetchable_stored_artifacts
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.folder.entry import failure_of
from runctl_auto.jobs.graceful_stop import StopOutcome
from runctl_auto.jobs.local.session import LocalSession
from runctl_auto.jobs.local.stopping import stop_here
from runctl_auto.jobs.run_metrics import keep_stored_metrics
from runctl_auto.jobs.teardown.preview import TeardownForecast
from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.receipt import Deleted, Leak, Receipt, leak_of
from runctl_auto.operations.down import DownOptions, DownResult
from runctl_auto.providers.local.records import survey_of
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import FOLDER, PROCESS


def down_here(session: LocalSession, name: str, options: DownOptions) -> DownResult:
    """Ends the job. May be repeated after it was killed at any moment. Blocks. What is left that should not
    be is in the receipt.

    Raises ``UnfetchedArtifactsError`` when artifacts would be lost, ``ConfirmationNeededError`` when
    declined, ``JobNotFoundError`` without such a job.
    """
    jobs = session.local_jobs
    if not jobs.has(name):
        raise JobNotFoundError(f"There is no job '{name}' on this machine.", where={"job": name})
    if options.include_protected:
        raise NotSupportedError(
            f"Nothing of job '{name}', which is one of this machine, is protected.",
            where={"job": name, "provider": "local"},
            next_step="Leave out --include-protected.",
        )
    planned = _planned(session, name)
    _confirm(session, name, planned, options)
    with jobs.claimed(name, patience_seconds=30.0):
        config = jobs.config(name)
        stopped: StopOutcome | None = None
        downloads: tuple[Download, ...] = ()
        if config is not None:
            stopped = _stop(session, name, config, options)
            downloads = _bring_home(session, name, options)
        end_marked(jobs.folder(name))
        jobs.queue.leave(name)
        leaked = _removed(session, name)
    jobs.queue.clear()
    receipt = Receipt(
        job=name,
        deleted=planned if not leaked else tuple(each for each in planned if each.id not in _ids(leaked)),
        kept=(),
        leaked=leaked,
        stack_removed=not leaked,
        at=session.time.now().isoformat().replace("+00:00", "Z"),
        account=HERE,
        region=HERE,
        run=config.run.id if config is not None else None,
    )
    file = store(receipt, session.folders.make_private(), session.time.now())
    return DownResult(receipt, stopped, downloads, file, planned)


def foresee_here(session: LocalSession, name: str, options: DownOptions) -> TeardownForecast:
    """What ``down_here`` would do. Changes nothing and asks nobody."""
    jobs = session.local_jobs
    if not jobs.has(name):
        raise JobNotFoundError(f"There is no job '{name}' on this machine.", where={"job": name})
    config = jobs.config(name)
    may_be_lost = config is not None and not options.discard_artifacts
    refused = unfetchable_stored_artifacts(session.job(name)) if may_be_lost else ()
    return TeardownForecast(
        name,
        planned=_planned(session, name),
        unfetched=tuple(failure_of(each) for each in refused),
        at=session.time.now().isoformat().replace("+00:00", "Z"),
        place=config.placement if config is not None else None,
    )


def _planned(session: LocalSession, name: str) -> tuple[Deleted, ...]:
    types = {"process": PROCESS, "folder": FOLDER}
    found = survey_of([session.local_jobs.folder(name)]).found
    gone = session.local_jobs.being_removed(name)
    return (
        *(Deleted(types[each.kind], name, each.id) for each in found),
        *(Deleted(FOLDER, name, str(each)) for each in gone),
    )


def _confirm(session: LocalSession, name: str, planned: tuple[Deleted, ...], options: DownOptions) -> None:
    session.reporter.say(f"Plan for job '{name}':")
    for each in planned:
        session.reporter.say(f"  - {each.type.rpartition(':')[2].lower()} {each.id}")
    require_confirmation(
        session.reporter,
        "Delete this?",
        "Nothing was deleted: the plan was not confirmed.",
        yes=options.yes,
        where={"job": name},
    )


def _stop(session: LocalSession, name: str, config: StackConfig, options: DownOptions) -> StopOutcome | None:
    jobs = session.local_jobs
    had_one = jobs.folder(name).agent_lives() or jobs.queue.position(name) is not None
    with session.reporter.working("stopping the training"):
        outcome = stop_here(jobs, name, config.run.id, reason=Reason.DOWN, grace=options.grace_seconds)
    if outcome.how == "late":
        session.reporter.say("the training did not stop in time; it was ended")
    return outcome if had_one else None


def _bring_home(session: LocalSession, name: str, options: DownOptions) -> tuple[Download, ...]:
    if options.discard_artifacts:
        return ()
    job = session.job(name)
    downloads = fetch_stored_artifacts(job)
    keep_stored_metrics(job)
    return downloads


def _removed(session: LocalSession, name: str) -> tuple[Leak, ...]:
    """Deletes the folder; what a look finds afterwards is left."""
    jobs = session.local_jobs
    folder = jobs.folder(name)
    runtime, container = runtime_of(folder), container_name(folder)
    left_container = has_container(folder)
    try:
        jobs.remove_folder(name)
    except OSError as error:
        session.reporter.say(f"the job's folder cannot be deleted whole: {error}")
    now = session.time.now()
    found = [leak_of(each, now) for each in survey_of([folder]).found]
    if runtime is not None and left_container:
        remove = f"{runtime.program} rm --force {container}"
        found.append(replace(_LEFT, kind="container", id=container, remove=remove, name=name))
    for each in jobs.being_removed(name):
        found.append(replace(_LEFT, id=str(each), remove=f"rm -rf {each}", name=name))
    return tuple(found)


_LEFT = Leak("folder", "", "")


def _ids(leaked: tuple[Leak, ...]) -> frozenset[str]:
    return frozenset(each.id for each in leaked)
