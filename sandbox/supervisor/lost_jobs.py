"""The jobs lost with a cloud: the stacks of its backend that still had resources.

The supervisor records them when a cloud is lost; the next start takes the record, so each is reported once.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.supervisor.record import write_whole


def jobs_in(state_folder: Path) -> list[str]:
    """Names of a file backend's stacks that have cloud resources, sorted."""
    stacks = state_folder / ".pulumi" / "stacks"
    files = [*stacks.rglob("*.json"), *stacks.rglob("*.json.gz")]
    return sorted({_stack_name(file) for file in files if any(_resources(file))})


def note(folder: Path, jobs: list[str]) -> None:
    """Add jobs to the record in a sandbox's folder."""
    if jobs:
        known = _read(_note(folder))
        write_whole(_note(folder), json.dumps(sorted({*known, *jobs})))


def take_note(folder: Path) -> tuple[str, ...]:
    """The recorded jobs; deletes the record."""
    jobs = _read(_note(folder))
    _note(folder).unlink(missing_ok=True)
    return tuple(jobs)


def _note(folder: Path) -> Path:
    return folder / "lost-jobs.json"


def _read(file: Path) -> list[str]:
    try:
        return list(json.loads(file.read_text()))
    except (OSError, ValueError):
        return []


def _stack_name(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".json")


def _resources(file: Path) -> Iterator[str]:
    """Types of the custom resources in a checkpoint, except providers."""
    for resource in _checkpoint(file).get("resources") or []:
        kind = str(resource.get("type", ""))
        if resource.get("custom") and not kind.startswith("pulumi:"):
            yield kind


def _checkpoint(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
        content = json.loads(gzip.decompress(data) if file.suffix == ".gz" else data)
        return dict(content["checkpoint"].get("latest") or {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return {}
