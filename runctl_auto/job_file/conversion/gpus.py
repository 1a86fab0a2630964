"""GPUs as SkyPilot and dstack write them, as one value of ``resources.gpu``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_WITH_MEMORY = re.compile(r"(.+?)-(\d+)GB(-.+)?", re.IGNORECASE)
_MODEL = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_NOT_OFFERED = re.compile(
    r"tpu|v\d[ep]?-\d|v\dlitepod|inferentia|trainium|gaudi|mi\d|radeon|n\d{3}|p150", re.I
)
_VENDORS = frozenset({"amd", "google", "intel", "tenstorrent", "nvidia"})
_COUNT = re.compile(r"(\d+)(\s*\.\.\s*\d*)?|\.\.\s*\d+")
_SIZE = r"\d+\s*[GT]B"
_MEMORY = re.compile(rf"{_SIZE}(\s*\.\.(\s*{_SIZE})?)?|\.\.\s*{_SIZE}", re.IGNORECASE)


@dataclass(frozen=True)
class Gpus:
    """``count`` GPUs of one of ``models`` (any when empty), with ``memory`` such as ``24GB..``."""

    models: tuple[str, ...] = ()
    memory: str | None = None
    count: int = 1

    def written(self) -> str:
        """As a text of a job file."""
        parts = [",".join(self.models), self.memory or "", str(self.count)]
        if self.count == 1 and (self.models or self.memory):
            parts.pop()
        return ":".join(part for part in parts if part)


class NotOfferedError(ValueError):
    """No provider of runctl offers such an accelerator; the message names it."""


def skypilot_gpus(written: Any) -> Iterator[Gpus]:
    """The alternatives of SkyPilot's ``accelerators``: a text, a list of them, or a mapping to counts.

    ``{L4:1, T4:1}`` is, to YAML, a mapping of two texts to nothing. Raises NotOfferedError.
    """
    if isinstance(written, dict):
        for name, count in written.items():
            yield _skypilot_gpu(str(name) if count is None else f"{name}:{count}")
    elif isinstance(written, list):
        for each in written:
            yield from skypilot_gpus(each)
    elif isinstance(written, str):
        yield _skypilot_gpu(written)


def _skypilot_gpu(text: str) -> Gpus:
    name, _, count = text.partition(":")
    name = name.strip()
    if _NOT_OFFERED.match(name) or not _MODEL.fullmatch(name):
        raise NotOfferedError(name)
    found = _WITH_MEMORY.fullmatch(name)
    model, memory = (found[1], f"{found[2]}GB") if found else (name, None)
    return Gpus((model,), memory, max(1, round(float(count or 1))))


def dstack_gpus(written: Any) -> Gpus:
    """dstack's ``gpu``: ``24GB..``, ``A100:80GB:8``, ``nvidia:1..8``, a count, or a mapping.

    A range of counts becomes its lower end. Raises NotOfferedError, and ValueError for what is none of them.
    """
    if isinstance(written, dict):
        names = written.get("name") or ()
        models = [names] if isinstance(names, str) else [str(each) for each in names]
        parts = [str(written.get("vendor") or ""), ",".join(models)]
        parts += [_range(written.get("memory")), _range(written.get("count"))]
        written = ":".join(part for part in parts if part)
    models_found: tuple[str, ...] = ()
    memory, count = None, 1
    for part in (each.strip() for each in str(written).split(":")):
        if part.lower() in _VENDORS:
            if part.lower() != "nvidia":
                raise NotOfferedError(part)
        elif found := _COUNT.fullmatch(part):
            count = int(found[1] or 1)
        elif _MEMORY.fullmatch(part):
            memory = part.replace(" ", "").upper()
        else:
            models_found = tuple(_dstack_model(each) for each in part.split(","))
    return Gpus(models_found, memory, max(1, count))


def _dstack_model(text: str) -> str:
    name = text.strip()
    if _NOT_OFFERED.match(name):
        raise NotOfferedError(name)
    if not _MODEL.fullmatch(name):
        raise ValueError(f"{name!r} is not a model of a GPU")
    return name


def _range(value: Any) -> str:
    if isinstance(value, dict):
        low, high = value.get("min"), value.get("max")
        return f"{low or ''}..{high or ''}" if low != high else str(low)
    return "" if value is None else str(value)


def one_request(alternatives: Sequence[Gpus]) -> tuple[Gpus, Sequence[Gpus]]:
    """The alternatives that one request can name (same count and memory as the first), and the others."""
    first = alternatives[0]
    same = [each for each in alternatives if (each.count, each.memory) == (first.count, first.memory)]
    models = tuple(dict.fromkeys(model for each in same for model in each.models))
    return Gpus(models, first.memory, first.count), [each for each in alternatives if each not in same]
