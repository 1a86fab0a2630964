"""Names and forms of SkyPilot and dstack: accepted where they mean exactly the same, else rejected with a
hint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runctl_auto.errors import FieldProblem
from runctl_auto.job_file.document import JobDocument, field_name, is_unspoken
from runctl_auto.job_file.plain_values import Location
from runctl_auto.local.printable import shortened


def _same(value: Any) -> Any:
    return value


def _only_one(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise ValueError("names several" if value else "names none")
    return value[0]


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        raise ValueError("is of the wrong type")  # noqa: TRY004
    return [value]


def _spot_or_not(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")  # noqa: TRY004
    return "spot" if value else "on-demand"


def _one_script(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if not value or not all(isinstance(each, str) for each in value):
        raise ValueError("is not a list of commands")
    return "\n".join(value)


@dataclass(frozen=True)
class OtherName:
    """``written`` is equivalent to ``ours``, once ``convert`` has converted its value.

    ``schema`` is the JSON schema of the written form; None when it is the same as ours.
    """

    written: tuple[str, ...]
    ours: tuple[str, ...]
    convert: Callable[[Any], Any] = _same
    allowed: str | None = None
    schema: Mapping[str, Any] | None = None


def _list_of_one(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"anyOf": [items, {"type": "array", "items": items, "minItems": 1, "maxItems": 1}]}


_TEXT: Mapping[str, Any] = {"type": "string"}
_PROVIDER: Mapping[str, Any] = {"enum": ["aws", "local", "runpod"]}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1}

_ONE_TYPE = "one type; instance_types lists several"

OTHER_NAMES = (
    OtherName(("num_nodes",), ("nodes",)),
    OtherName(("envs",), ("env",)),
    OtherName(("commands",), ("run",), _one_script, "a list of shell commands", {"anyOf": [_TEXT, _TEXTS]}),
    OtherName(("use_spot",), ("spot_policy",), _spot_or_not, "true or false", {"type": "boolean"}),
    OtherName(
        ("resources", "use_spot"), ("spot_policy",), _spot_or_not, "true or false", {"type": "boolean"}
    ),
    OtherName(("regions",), ("region",), _only_one, "one region", _list_of_one(_TEXT)),
    OtherName(("resources", "region"), ("region",)),
    OtherName(("availability_zones",), ("zones",)),
    OtherName(("resources", "zone"), ("zones",), _listed, "one zone", _TEXT),
    OtherName(
        ("backends",), ("provider",), _only_one, "one; providers names several", _list_of_one(_PROVIDER)
    ),
    OtherName(("resources", "cloud"), ("provider",)),
    OtherName(("instance_types",), ("resources", "instance_types")),
    OtherName(("resources", "instance_type"), ("resources", "instance_types"), _listed, _ONE_TYPE, _TEXT),
    OtherName(("resources", "accelerators"), ("resources", "gpu")),
    OtherName(("resources", "cpus"), ("resources", "cpu")),
    OtherName(("resources", "disk_size"), ("resources", "disk")),
)

_NOTHING_LIKE_IT = "runctl has nothing like it; remove it"
ADVICE: Mapping[str, str] = {
    "file_mounts": "data is named so: data: [{source: s3://BUCKET/PREFIX, path: data/}]; "
    "your own files travel with workdir",
    "storage_mounts": "data is named so: data: [{source: s3://BUCKET/PREFIX, path: data/}]",
    "files": "files travel with workdir",
    "repos": "files travel with workdir",
    "any_of": "alternatives are listed in resources.instance_types, the preferred first",
    "ordered": "alternatives are listed in resources.instance_types, the preferred first",
    "working_dir": "workdir names the folder here that travels; the command runs in it",
    "infra": "write provider: aws and region: us-east-1",
    "python": "choose it in setup, such as `uv venv --python 3.11`",
    "entrypoint": "the command is named run",
    "command": "the command is named run",
    "docker": "a container is named image: docker:REPOSITORY:TAG",
    "image_id": "the AMI is named image",
    "job_recovery": "write retry: {on_events: [interruption, error], duration: 24h}",
    "spot_recovery": "write retry: {on_events: [interruption, error], duration: 24h}",
    "autostop": "the limit is named idle_duration",
    "stop_duration": "`runctl down --grace SECONDS` says it",
    "labels": "they are named tags",
    "outputs": "what comes home is named in artifacts.paths",
    "ports": "a machine of runctl opens no ports; remove it",
    "shm_size": "shared memory has no limit there; remove it",
    **dict.fromkeys(
        (
            "creation_policy", "disk_tier", "event_callback", "fleets", "inputs", "network_tier",
            "priority", "privileged", "registry_auth", "reservations", "schedule", "service", "user",
            "utilization_policy",
        ),
        _NOTHING_LIKE_IT,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Translated:
    """A document with our names only. ``undecided`` are fields whose other name had an invalid value."""

    document: JobDocument
    problems: Sequence[FieldProblem]
    undecided: frozenset[Location]


def in_our_names(document: JobDocument) -> Translated:
    """``document`` with our names only, and the problems found in the others."""
    work = _Translation(document)
    work.drop_type()
    for name in OTHER_NAMES:
        work.move(name)
    work.spread_environment()
    work.write_environment()
    ours = replace(document, values=work.values, origins=work.origins)
    return Translated(ours, tuple(work.problems), frozenset(work.undecided))


class _Translation:
    def __init__(self, document: JobDocument) -> None:
        self._document = document
        self.values = dict(document.values)
        if isinstance(self.values.get("resources"), dict):
            self.values["resources"] = dict(self.values["resources"])
        self.origins: dict[Location, Location] = {}
        self.problems: list[FieldProblem] = []
        self.undecided: set[Location] = set()

    def drop_type(self) -> None:
        """Of dstack's configuration types, only the task corresponds to a job file."""
        if "type" in self.values and self.values.pop("type") not in ("task", None):
            self._problem(("type",), "is not a kind that runctl knows", "task, or nothing")

    def move(self, name: OtherName) -> None:
        source = self._parent(name.written)
        if source is None or name.written[-1] not in source:
            return
        value = source.pop(name.written[-1])
        if any(place[: len(name.written)] == name.written for place in self._document.unread):
            self.undecided.add(name.ours)
            return
        if len(name.ours) == 2 and name.ours[0] not in self.values:
            self.values[name.ours[0]] = {}
            self.origins[name.ours[:1]] = name.written
        target = self._parent(name.ours)
        if target is None:
            return
        if name.ours[-1] in target:
            position = self._document.position(self.origins.get(name.ours, name.ours))
            line = f" on line {position.line}" if position else ""
            self._problem(name.written, f"says what {field_name(name.ours)} says{line}", "one of the two")
            return
        try:
            target[name.ours[-1]] = name.convert(value)
            self.origins[name.ours] = name.written
        except ValueError as error:
            self.undecided.add(name.ours)
            self._problem(name.written, str(error), name.allowed)

    def spread_environment(self) -> None:
        """``env: [A=b]``, dstack's form, as a mapping."""
        listed = self.values.get("env")
        if not isinstance(listed, list):
            return
        place = self.origins.pop(("env",), ("env",))
        found: dict[str, str] = {}
        for index, item in enumerate(listed):
            here = (*place, index)
            name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
            if not equals:
                self._problem(here, "is not NAME=VALUE", "NAME=VALUE; a name alone belongs in secrets")
            elif name in found:
                self._problem(here, "names a variable again", "each variable once")
            else:
                found[name] = value
                self.origins[("env", name)] = here
        self.values["env"] = found
        self.origins[("env",)] = place

    def write_environment(self) -> None:
        """Numbers and truth values of ``env`` as the texts that stand in the file: ``yes``, ``0.10``."""
        variables = self.values.get("env")
        if not isinstance(variables, dict):
            return
        place = self.origins.get(("env",), ("env",))

        def as_text(name: str, value: Any) -> Any:
            written = self._document.texts.get((*place, name))
            is_text = written is None or not isinstance(value, (bool, int, float))
            return value if is_text else str(written).strip('"')

        self.values["env"] = {name: as_text(name, value) for name, value in variables.items()}

    def _parent(self, path: tuple[str, ...]) -> dict[str, Any] | None:
        parent: Any = self.values
        for key in path[:-1]:
            parent = parent.get(key)
            if not isinstance(parent, dict):
                return None
        return parent if isinstance(parent, dict) else None

    def _problem(self, written: Location, message: str, allowed: str | None) -> None:
        text = None if is_unspoken(written) else self._document.texts.get(written)
        self.problems.append(
            self._document.problem(
                written, message, found=None if text is None else shortened(text), allowed=allowed
            )
        )
