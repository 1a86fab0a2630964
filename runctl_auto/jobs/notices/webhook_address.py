"""The address of a job's webhook: a secret of the caller's environment, else the one that the stack keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runctl_auto.agent.notices.webhook import checked_address
from runctl_auto.errors import UsageError
from runctl_auto.jobs.intent import Intent
from runctl_auto.jobs.secret_values import SecretValues, choose_secrets


def with_webhook(
    intent: Intent, secrets: SecretValues, environ: Mapping[str, str], held: Mapping[str, str]
) -> Intent:
    """The intent with the values of all its secrets, the webhook's address among them.

    A webhook of the settings whose variable is not set is left out, which a note says. Raises ``UsageError``
    for one of the job file that is not set, and for an address that no notice may be sent to.
    """
    config = intent.config
    webhook = config.notify.webhook if config.notify is not None else None
    if webhook is None:
        return replace(intent, secrets=secrets)
    if config.job.notify is None and not (environ.get(webhook) or held.get(webhook)):
        note = f"notify: {webhook} is not set, so that nobody is told of this job"
        return replace(
            intent,
            config=replace(config, notify=None),
            secrets=secrets,
            notes=(*intent.notes, note),
        )
    found = choose_secrets(config.job.name, (webhook,), environ, held, field="notify.webhook")
    try:
        checked_address(found.values[webhook])
    except ValueError as error:
        raise UsageError(
            f"The webhook of job '{config.job.name}' cannot be used: the value of {webhook} {error}.",
            where={"job": config.job.name, "field": "notify.webhook"},
            next_step=f"Set {webhook} to the address that the service gave you.",
        ) from None
    kept = tuple(dict.fromkeys((*secrets.kept, *found.kept)))
    return replace(intent, secrets=SecretValues({**secrets.values, **found.values}, kept))
