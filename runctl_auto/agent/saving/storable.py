"""Which files can be stored: names that can be keys, kinds of files that have content."""

from __future__ import annotations

import re
import stat

from runctl_auto.agent.errors import AgentError, S3Error
from runctl_auto.agent.store.s3_codes import PASSING_CODES, STALE_CREDENTIALS_CODES

_BEYOND_ONE_FILE = {*PASSING_CODES, *STALE_CREDENTIALS_CODES, "NoSuchBucket"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_NOT_IN_LISTINGS = re.compile("[\x00-\x08\x0a-\x1f\ufffe\uffff]")
"""Characters that S3's listings, which are XML 1.0, cannot hold or change. A tab is fine."""

_KINDS = (
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISCHR, "is a device"),
)


def shown(name: str) -> str:
    """The name as printable text: bytes that are not UTF-8 and control characters are escaped."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def problem_of_name(name: str) -> str | None:
    """Why no file of this name can be stored; None if one can."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if "\n" in name or "\r" in name:
        return "has a line break in its name"
    if _NOT_IN_LISTINGS.search(name):
        return "has a control character in its name"
    return None


def problem_of_kind(mode: int) -> str | None:
    """Why what has this `st_mode` cannot be stored; None for files, folders and links."""
    return next((why for is_kind, why in _KINDS if is_kind(mode)), None)


def concerns_one_file(error: AgentError) -> bool:
    """Whether the store refused this one object for good, so that others may still be stored."""
    return (
        isinstance(error, S3Error)
        and 400 <= error.status < 500
        and error.status != 429
        and error.code not in _BEYOND_ONE_FILE
    )
