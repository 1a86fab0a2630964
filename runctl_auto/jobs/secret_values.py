"""The values of a job's secrets: from the caller's environment, else those that the stack keeps encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from runctl_auto.errors import UsageError
from runctl_auto.job_file.spec import JobSpec

MOST_BYTES = 4096
"""What a parameter of the standard tier holds."""


@dataclass(frozen=True)
class SecretValues:
    """``values`` by name, never shown; ``kept`` names those that came from the stack."""

    values: Mapping[str, str] = dataclass_field(default_factory=dict, repr=False)
    kept: tuple[str, ...] = ()


def choose_secrets(
    job: str,
    names: Sequence[str],
    environ: Mapping[str, str],
    held: Mapping[str, str],
    *,
    field: str = "secrets",
) -> SecretValues:
    """A value for each of ``names``: the caller's, else the one ``held`` by the stack. ``field`` of the job
    file names them.

    Raises ``UsageError`` that names all that have none, or that no parameter can hold.
    """
    found = {name: environ.get(name) or held.get(name, "") for name in names}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise UsageError(
            f"Secrets of job '{job}' are not set: {', '.join(missing)}.",
            where={"job": job, "field": field},
            next_step=f"Set them in the environment, as in `{missing[0]}=... runctl up JOB.yaml`, or remove "
            f"them from {field}.",
        )
    unfit = [f"{name} ({why})" for name, value in found.items() if (why := _unfit(value))]
    if unfit:
        raise UsageError(
            f"Secrets of job '{job}' cannot be kept: {', '.join(unfit)}.",
            where={"job": job, "field": field},
            next_step="Give the job a shorter secret, such as one that fetches the long one.",
        )
    return SecretValues(found, tuple(name for name in names if not environ.get(name)))


def job_secrets(spec: JobSpec, environ: Mapping[str, str], held: Mapping[str, str]) -> SecretValues:
    """The job's secrets, and the password of the registry of its container."""
    found = choose_secrets(spec.name, spec.secrets, environ, held)
    if spec.registry_auth is None or spec.registry_auth.password in found.values:
        return found
    name = spec.registry_auth.password
    more = choose_secrets(spec.name, (name,), environ, held, field="registry_auth.password")
    return SecretValues({**found.values, **more.values}, (*found.kept, *more.kept))


def _unfit(value: str) -> str | None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "not UTF-8 text"
    return f"{size} bytes, at most {MOST_BYTES}" if size > MOST_BYTES else None
