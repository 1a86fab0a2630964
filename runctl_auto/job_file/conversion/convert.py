"""From a task file of SkyPilot or dstack to the text of a job file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.job_file.conversion.draft import Draft, Remark
from runctl_auto.job_file.conversion.dstack import convert_dstack
from runctl_auto.job_file.conversion.skypilot import convert_skypilot
from runctl_auto.job_file.document import invalid_job_file, read_job_document
from runctl_auto.job_file.first_job import name_from

_OF_DSTACK = frozenset({"type", "commands"})


@dataclass(frozen=True)
class Converted:
    """``text`` is the job file, with ``remarks`` as comments. ``tool`` is SkyPilot or dstack."""

    tool: str
    name: str
    text: str
    remarks: tuple[Remark, ...]


def convert(
    path: Path, *, schema: str, region: str, name: str | None = None, spot_policy: str | None = None
) -> Converted:
    """The task at ``path`` as a job file. ``schema`` is the path of the schema for editors.

    ``region`` is taken where the task names none; ``name`` and ``spot_policy``, if given, in place of the
    task's own. Raises JobFileError for a file that cannot be read, or describes no task.
    """
    document = read_job_document(path)
    if document.problems:
        raise invalid_job_file(document.file, document.problems)
    draft = Draft(document)
    tool = "dstack" if _OF_DSTACK & document.values.keys() else "SkyPilot"
    (convert_dstack if tool == "dstack" else convert_skypilot)(draft)
    own_name = draft.fields.get("name")
    draft.fields["name"] = name or name_from(str(own_name) if own_name else path.stem.removesuffix(".dstack"))
    if name is None and own_name not in (None, draft.fields["name"]):
        draft.remark(("name",), "has a form that a job's name has not")
    draft.fields["provider"] = "aws"
    draft.fields.setdefault("region", region)
    if spot_policy is not None:
        draft.fields["spot_policy"] = spot_policy
    _drop_empty(draft.fields)
    text = draft.text(tool=tool, file=path.name, schema=schema)
    return Converted(tool, draft.fields["name"], text, tuple(draft.remarks))


def _drop_empty(fields: dict[str, Any]) -> None:
    """Removes empty ``resources`` and shells that are the default."""
    if not fields.get("resources"):
        fields.pop("resources", None)
    if fields.get("shell") == "bash -e":
        del fields["shell"]
