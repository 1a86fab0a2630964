"""Deletes what can be deleted of a job, and reports what cannot."""

from __future__ import annotations

from functools import partial

from runctl_auto.errors import CloudError, EngineError, OperationCancelledError, StackLockedError
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.jobs.teardown.blocked import explained, find_blocked, reason_of, sentence
from runctl_auto.jobs.teardown.deletion_watch import DeletionWatch, watching
from runctl_auto.jobs.teardown.protected import TeardownProtection
from runctl_auto.leftovers.receipt import Blocked
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.state import StackState


def delete_what_can_go(
    job: StackInHand,
    config: AppliedConfig,
    before: StackState,
    protection: TeardownProtection,
    *,
    has_ended: bool,
) -> tuple[Blocked, ...]:
    """Deletes all of the job that is not protected. Returns what the cloud does not delete.

    What would be refused is reported before and left out, since the engine waits for minutes until it is
    deleted. ``before`` is the present state; ``has_ended`` is whether the run reported its end. Blocks.
    Raises what is no refusal: a lock, an interruption, throttling, an engine that ended.
    """
    reporter = job.session.reporter
    with reporter.working("looking for what prevents deletions", after=PATIENCE_SECONDS):
        included = {urn for each in protection.included for urn in each.urns}
        blocked = find_blocked(job, config, before, included=included, has_ended=has_ended)
    for each in blocked:
        reporter.say(sentence(each))
    with reporter.working("deleting"):
        protection.give_up_included(job.stack)
        return blocked + _destroy(job, config, before, blocked)


def _destroy(
    job: StackInHand, config: AppliedConfig, before: StackState, blocked: tuple[Blocked, ...]
) -> tuple[Blocked, ...]:
    """What the cloud refused in addition to ``blocked``."""
    session, stack = job.session, job.stack
    own_provider = session.make_provider(config.region)  # for the thread of the watch
    reason = partial(reason_of, own_provider, before, config)
    watch = DeletionWatch(reason, session.reporter.say, session.time.monotonic)
    try:
        with watching(watch):
            stack.destroy(keep=[each.urn for each in blocked], hear=watch.hear)
    except (CloudError, EngineError) as error:
        is_other = isinstance(error, (OperationCancelledError, StackLockedError))
        if is_other or all(each.passes for each in stack.failed_deletions):
            raise
        return tuple(explained(job, config, before, stack.failed_deletions))
    return ()
