"""Sizes, regions and markets, as ``resources`` and its neighbours of a job file."""

from __future__ import annotations

import re
from typing import Any

from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.plain_values import Location
from runctl_auto.job_file.quantities import parse_size_gb

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
_ZONE = re.compile(rf"{_REGION.pattern}[a-z]")
_NUMBER = re.compile(r"\s*(\d+)(?:\.\d+)?\s*(?:[gG](?:i?[bB])?)?\s*")
_ONE_REGION = "is one of several regions: a job runs in one"


def is_region(text: object) -> bool:
    """Whether ``text`` has the form of a region of AWS."""
    return isinstance(text, str) and _REGION.fullmatch(text) is not None


def is_zone(text: object) -> bool:
    """Whether ``text`` has the form of a zone of AWS."""
    return isinstance(text, str) and _ZONE.fullmatch(text) is not None


def set_region(draft: Draft, location: Location, region: str) -> None:
    """The first region is the job's; others are remarked on."""
    if draft.fields.setdefault("region", region) != region:
        draft.remark(location, _ONE_REGION)


def set_count(draft: Draft, location: Location, value: Any) -> None:
    """CPUs: ``4``, ``4+``, ``4..8``, also with an architecture before it."""
    text = str(value).rpartition(":")[2].strip()
    text = f"{text[:-1]}.." if text.endswith("+") else text
    if re.fullmatch(r"\d+", text):
        resources(draft)["cpu"] = int(text)
    elif re.fullmatch(r"\d+\s*\.\.(\s*\d+)?|\.\.\s*\d+", text):
        resources(draft)["cpu"] = text
    else:
        draft.remark(location, "is not a number or range of CPUs that a job file knows")


def set_memory(draft: Draft, location: Location, value: Any) -> None:
    """Memory in GB: ``32``, ``32+``, ``16GB..``; a number alone counts GB."""
    text = str(value).strip()
    text = f"{text[:-1]}.." if text.endswith("+") else text
    ends = [_gigabytes(part) for part in text.split("..")]
    if len(ends) > 2 or not any(ends):
        draft.remark(location, "is not a size or range of memory that a job file knows")
        return
    resources(draft)["memory"] = "..".join(each or "" for each in ends)


def set_disk(draft: Draft, location: Location, value: Any) -> None:
    """The disk's size; of a range its lower end."""
    low = str(value).partition("..")[0].strip()
    size = f"{low}GB" if low.isdigit() else low
    try:
        resources(draft)["disk"] = f"{parse_size_gb(size)}GB"
    except ValueError:
        draft.remark(location, "is not a size of a disk that a job file knows")


def resources(draft: Draft) -> dict[str, Any]:
    """The draft's ``resources``, begun if it has none."""
    found: dict[str, Any] = draft.fields.setdefault("resources", {})
    return found


def _gigabytes(text: str) -> str | None:
    if not text.strip():
        return None
    number = _NUMBER.fullmatch(text)
    if number:
        return f"{max(1, int(number[1]))}GB"
    try:
        return f"{parse_size_gb(text)}GB"
    except ValueError:
        return None


def whole_size(value: Any) -> str | None:
    """``value`` as a size of a job file, such as ``100GB``; None for what is none."""
    try:
        return f"{parse_size_gb(int(value) if str(value).isdigit() else value)}GB"
    except ValueError:
        return None
