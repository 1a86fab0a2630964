"""What the volumes that a job has allow its file to say: they are not lost, and they do not shrink."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.protection.causes import broken_protection, causes
from runctl_auto.protection.held import Held, held_in
from runctl_auto.stack.state import StackState


def refuse_what_the_state_forbids(file: JobFile, state: StackState) -> None:
    """Raises for what ``file`` asks of existing volumes that cannot or must not happen.

    ``ProtectedError`` when a protected one would be deleted or replaced, ``JobFileError`` when one would
    have to shrink; both name every line at fault. Nothing was touched.
    """
    spec = file.spec
    held = held_in(spec.name, state)
    broken = causes(spec, held)
    if broken:
        raise broken_protection(file, broken)
    problems = list(_shrinking(file, held))
    if problems:
        raise JobFileError(
            f"Volumes of job '{spec.name}' would have to shrink, which AWS cannot do.",
            problems=problems,
            where={"job": spec.name, "file": str(file.path)},
            next_step="Give the volume a new name and copy what is needed, or keep its size.",
        )


def _shrinking(file: JobFile, held: Collection[Held]) -> Iterator[FieldProblem]:
    sizes = {each.name: each.size_gb for each in held if each.kind == "volume"}
    for index, volume in enumerate(file.spec.volumes):
        size = sizes.get(volume.name)
        if volume.size is None or size is None or volume.size >= size:
            continue
        yield file.problem(
            ("volumes", index, "size"),
            "is less than the volume has",
            found=f"{volume.size} GB",
            allowed=f"{size} GB or more",
        )
