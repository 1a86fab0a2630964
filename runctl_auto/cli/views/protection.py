"""The shared part of ``protect`` and ``unprotect``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


def show_and_set(invocation: Invocation, job: str, resource: str | None, *, protect: bool, yes: bool) -> None:
    """Runs the command and reports the resulting protection."""
    from runctl_auto.stack.kinds import kind_of

    if kind_of(job) != "job":
        _set_storage(invocation, job, protect=protect, yes=yes)
        return
    if resource is None:
        raise click.UsageError(f"Name what of job '{job}' is meant: a volume, or 'bucket'.")
    from runctl_auto.operations.protect import set_protection

    result = set_protection(invocation.session_of(job), job, resource, protect=protect, yes=yes)
    held = result.held
    invocation.console.result(
        {
            "job": job,
            "resource": held.name,
            "kind": held.kind,
            "id": held.id,
            "protected": result.protect,
            "changed": result.changed,
        }
    )
    how = "is protected: `runctl down` keeps it" if protect else "is not protected: `runctl down` deletes it"
    invocation.console.line(f"{held} of job '{job}' ({held.id}) {how}.")


def _set_storage(invocation: Invocation, stack: str, *, protect: bool, yes: bool) -> None:
    from runctl_auto.operations.storage_protect import set_storage_protection
    from runctl_auto.stack.kinds import removal, titled

    result = set_storage_protection(invocation.session(), stack, protect=protect, yes=yes)
    invocation.console.result(
        {
            "job": stack,
            "resource": result.config.name,
            "kind": result.config.kind,
            "id": result.id,
            "protected": protect,
            "changed": result.changed,
        }
    )
    how = "is protected: it is refused by" if protect else "is not protected: it is deleted by"
    invocation.console.line(f"{titled(stack)} ({result.id}) {how} `{removal(stack)}`.")
