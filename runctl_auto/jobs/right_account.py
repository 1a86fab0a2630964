"""Work on a job is done in the account that it lives in, or not at all.

Another account knows nothing of the job's things: an engine would take them for gone, and forget them.
"""

from __future__ import annotations

from runctl_auto.errors import UsageError
from runctl_auto.jobs.job import Job
from runctl_auto.stack.config import StackConfig


def refuse_another_account(job: Job, config: StackConfig) -> None:
    """Raises ``UsageError`` when the credentials are of another account than the job's; one request."""
    place = config.placement
    reached = job.session.provider(place.region).account().id
    if reached != place.account:
        raise another_account(job.name, place.account, reached)


def another_account(job: str, held: str, reached: str) -> UsageError:
    """The refusal itself."""
    return UsageError(
        f"Job '{job}' lives in account {held}, and the credentials are of {reached}.",
        where={"job": job},
        next_step="Use credentials of that account, or give this job another name.",
    )
