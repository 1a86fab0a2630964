"""A job file in the making: its fields, and remarks on what the source says and a job file cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from runctl_auto.job_file.document import JobDocument, field_name
from runctl_auto.job_file.plain_values import Location
from runctl_auto.local.printable import printable, shortened

_ORDER = (
    *("name", "provider", "region", "zones", "image", "workdir", "setup", "run", "shell", "env", "secrets"),
    *("resources", "spot_policy", "max_price", "max_duration", "nodes", "volumes", "data", "tags"),
)
_LONGEST_REMARK = 300


@dataclass(frozen=True)
class Remark:
    """What became of ``field`` of the source, at ``line``; never the value of a variable."""

    line: int | None
    field: str
    text: str

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        return shortened(printable(f"{place}{self.field}: {self.text}"), _LONGEST_REMARK)


@dataclass
class Draft:
    """``fields`` are values of the job file by name; ``setup`` and ``run`` are lines of the scripts."""

    source: JobDocument
    fields: dict[str, Any] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, location: Location, text: str) -> None:
        """Notes that the value at ``location`` of the source was not taken as it is, and why."""
        position = self.source.position(location)
        self.remarks.append(Remark(position.line if position else None, field_name(location), text))

    def written(self, location: Location) -> str | None:
        """The text of a scalar as it stands in the source, without quotes."""
        text = self.source.texts.get(location)
        return None if text is None else text.strip('"')

    def text(self, *, tool: str, file: str, schema: str) -> str:
        """The job file, with the remarks as comments. ``schema`` is the path of the schema for editors."""
        values = {**self.fields, **self._scripts()}
        heading = [
            f"# yaml-language-server: $schema={schema}",
            f"# Converted from {printable(file)}, a task of {tool}. Check it with `runctl validate`.",
        ]
        if self.remarks:
            ordered = sorted(self.remarks, key=lambda each: each.line or 0)
            heading += ["# Not taken over as it was:", *(f"#   {each}" for each in ordered)]
        if "max_duration" not in values:
            heading.append("# No limit in time was given; max_duration: 12h would be one.")
        return (
            "\n".join(heading)
            + "\n"
            + "".join(_written(name, values[name]) for name in _ORDER if name in values)
        )

    def _scripts(self) -> Mapping[str, str]:
        scripts = {"setup": self.setup, "run": self.run}
        return {name: "\n".join(lines).strip("\n") + "\n" for name, lines in scripts.items() if any(lines)}


class _Dumper(yaml.SafeDumper):
    """Scripts as blocks, lists of plain values on one line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    is_plain = all(isinstance(each, str | int | float) for each in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_plain)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def _written(name: str, value: object) -> str:
    if isinstance(value, str) and "\n" in value:
        # A space at a line's end means nothing to a shell, and keeps YAML from writing a block.
        value = "\n".join(line.rstrip() for line in value.split("\n"))
        value = value.removesuffix("\n") if value.count("\n") == 1 else value
    return yaml.dump(
        {name: value},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=False,
    )
