"""Work on a job is done in the account that it lives in, or not at all.

Another account knows nothing of the job's things: an engine would take them for gone, and forget them.
"""

from __future__ import annotations

from runctl_auto.errors import UsageError
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.kinds import kind_of, titled


def refuse_another_account(job: StackInHand, config: AppliedConfig) -> None:
    """Raises ``UsageError`` when the credentials are of another account than the job's; one request."""
    reached = job.session.provider(config.region).account().id
    if reached != config.account:
        raise another_account(job.name, config.account, reached)


def another_account(job: str, held: str, reached: str) -> UsageError:
    """The refusal itself."""
    return UsageError(
        f"{titled(job).capitalize()} lives in account {held}, and the credentials are of {reached}.",
        where={"job": job},
        next_step=f"Use credentials of that account, or give this {kind_of(job)} another name.",
    )
