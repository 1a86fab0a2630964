"""The shared part of ``protect`` and ``unprotect``."""

from __future__ import annotations

from runctl_auto.cli.invocation import Invocation


def show_and_set(invocation: Invocation, job: str, resource: str, *, protect: bool, yes: bool) -> None:
    """Runs the command and reports the resulting protection."""
    from runctl_auto.operations.protect import set_protection

    result = set_protection(invocation.session(), job, resource, protect=protect, yes=yes)
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
