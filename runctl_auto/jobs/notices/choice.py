"""Who is told of a run, as job file and settings say."""

from __future__ import annotations

from runctl_auto.job_file.spec import JobSpec, Notify
from runctl_auto.settings.schema import NotifySettings
from runctl_auto.stack.config import StackConfig


def choose_notify(
    spec: JobSpec, current: StackConfig | None, run: str, settings: NotifySettings
) -> Notify | None:
    """What the job file says; else what the run has, so that settings of another person change no job that
    runs; else the webhook of the settings. Their command runs where runctl does.
    """
    if spec.notify is not None:
        return spec.notify
    if current is not None and current.run.id == run and current.job.notify is None:
        return current.notify
    if settings.webhook is None:
        return None
    return Notify(webhook=settings.webhook, format=settings.format, on=settings.on)
