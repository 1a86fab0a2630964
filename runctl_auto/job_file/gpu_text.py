"""Reads GPUs written as one text: ``A10G:1``, ``24GB..``, ``A100:80GB:8``, ``A10G,L4:24GB``."""

from __future__ import annotations

import re
from typing import Any

from runctl_auto.job_file.quantities import COUNT_PATTERN, SIZE_PATTERN

_MODELS = r"[A-Za-z][A-Za-z0-9-]*(\s*,\s*[A-Za-z][A-Za-z0-9-]*)*"
_MEMORIES = rf"(({SIZE_PATTERN})?\.\.({SIZE_PATTERN})?|{SIZE_PATTERN})"
_VENDOR = "[nN][vV][iI][dD][iI][aA]"
# The only vendor whose GPUs are offered; dstack writes it before the model.

MAX_LENGTH = 200

GPU_PATTERN = (
    rf"\s*({_VENDOR}\s*:\s*)?("
    rf"{_MODELS}(\s*:\s*{_MEMORIES})?(\s*:\s*{COUNT_PATTERN})?|{_MODELS}\s*:\s*{COUNT_PATTERN}\s*:\s*{_MEMORIES}"
    rf"|{_MEMORIES}(\s*:\s*{COUNT_PATTERN})?|{COUNT_PATTERN}\s*:\s*{_MEMORIES}|{COUNT_PATTERN}"
    r")\s*"
)
_GPU = re.compile(GPU_PATTERN)
_COUNT = re.compile(COUNT_PATTERN)
_MEMORY = re.compile(_MEMORIES)


def gpu_parts(text: str) -> dict[str, Any]:
    """The parts of ``text`` by the names of a GPU's fields, each still to be validated.

    Raises ValueError when ``text`` is no combination of models, memory and count, each at most once.
    """
    if len(text) > MAX_LENGTH or _GPU.fullmatch(text) is None:
        raise ValueError(_complaint(text))
    found: dict[str, Any] = {}
    for index, part in enumerate(each.strip() for each in text.split(":")):
        if _COUNT.fullmatch(part):
            found["count"] = part
        elif _MEMORY.fullmatch(part):
            found["memory"] = part
        elif index or not re.fullmatch(_VENDOR, part):
            models = [each.strip() for each in part.split(",")]
            found["name"] = models[0] if len(models) == 1 else models
    return found


def _complaint(text: str) -> str:
    model, colon, rest = text.partition(":")
    if colon and re.fullmatch(_MODELS, model.strip()) and ":" not in rest:
        return "is not a whole number of GPUs, nor a size of their memory"
    return "is not a GPU model, with or without a memory and a count"
