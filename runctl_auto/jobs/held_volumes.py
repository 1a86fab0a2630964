"""What the volumes that a job has allow its file to say: they are not lost, and they do not shrink."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.job_file.document import JobDocument
from runctl_auto.job_file.load import places_in
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.protection.causes import broken_protection, causes
from runctl_auto.protection.held import Held, held_in
from runctl_auto.stack.state import StackState


def refuse_what_the_state_forbids(path: Path, spec: JobSpec, state: StackState) -> None:
    """Raises for what the file at ``path`` asks of volumes that exist and cannot or must not happen.

    ``ProtectedError`` when a protected one would be deleted or replaced, ``JobFileError`` when one would
    have to shrink; both name every line at fault. Nothing was touched.
    """
    held = held_in(spec.name, state)
    broken = causes(spec, held)
    if broken:
        raise broken_protection(places_in(path), spec, broken)
    problems = list(_shrinking(places_in(path), spec, held)) if held else []
    if problems:
        raise JobFileError(
            f"Volumes of job '{spec.name}' would have to shrink, which AWS cannot do.",
            problems=problems,
            where={"job": spec.name, "file": str(path)},
            next_step="Give the volume a new name and copy what is needed, or keep its size.",
        )


def _shrinking(document: JobDocument, spec: JobSpec, held: Collection[Held]) -> Iterator[FieldProblem]:
    sizes = {each.name: each.size_gb for each in held if each.kind == "volume"}
    for index, volume in enumerate(spec.volumes):
        size = sizes.get(volume.name)
        if volume.size is None or size is None or volume.size >= size:
            continue
        yield document.problem(
            ("volumes", index, "size"),
            "is less than the volume has",
            found=f"{volume.size} GB",
            allowed=f"{size} GB or more",
        )
