"""The tags that every resource of a job carries, and those that protect. Pure: imports no cloud library."""

from __future__ import annotations

import re
from collections.abc import Mapping

PROJECT = "runctl:project"
JOB = "runctl:job"
STACK = "runctl:stack"
OWNER = "runctl:owner"
CREATED_BY = "runctl:created-by"
BACKEND = "runctl:backend"
RUN = "runctl:run"
PROTECTED = "runctl:protected"
FAILED_BOOT = "runctl:failed-boot"
"""What a machine that can store nothing gives its group, and so the next machine."""

REQUIRED = (PROJECT, JOB, STACK, OWNER, CREATED_BY)
CREATOR = "runctl"

PROTECTION_TAGS = frozenset({PROTECTED, "runctl:important", "runctl:persistent"})
_TRUE = frozenset({"true", "yes", "1", "on"})

_MAX_VALUE = 256
_NOT_IN_A_VALUE = re.compile(r"[^\w .:/=+@-]")


def identity_tags(
    *, project: str, job: str, stack: str, owner: str, backend: str | None = None
) -> dict[str, str]:
    """The tags that identify a resource's job, its owner and the backend of its stack; set once, on the
    provider.
    """
    marked = {} if backend is None else {BACKEND: tag_value(backend)}
    return {
        PROJECT: tag_value(project),
        JOB: tag_value(job),
        STACK: tag_value(stack),
        OWNER: tag_value(owner),
        CREATED_BY: CREATOR,
        **marked,
    }


def tag_value(text: str) -> str:
    """``text`` as a valid AWS tag value: invalid characters become ``_``, truncated to 256."""
    return _NOT_IN_A_VALUE.sub("_", text)[:_MAX_VALUE].strip() or "unknown"


def is_protecting(tags: Mapping[str, object]) -> bool:
    """Whether a tag among ``tags`` means that the resource must not be deleted."""
    return any(str(tags.get(key, "")).strip().lower() in _TRUE for key in PROTECTION_TAGS)


def without_protection(tags: Mapping[str, str]) -> dict[str, str]:
    """``tags`` without protection tags, for resources that are never protected."""
    return {key: value for key, value in tags.items() if key not in PROTECTION_TAGS}
