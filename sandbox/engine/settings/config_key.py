"""Keys of configuration values: `namespace:name`."""

from __future__ import annotations

import re
from dataclasses import dataclass


class ConfigKeyError(ValueError):
    """The text is no configuration key."""


@dataclass(frozen=True, order=True)
class ConfigKey:
    """A key; ordered by namespace, then name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"

    def pretty(self, project: str) -> str:
        """How people see it: without its namespace when that is the project's."""
        return self.name if self.namespace == project else str(self)


def parse_key(text: str) -> ConfigKey:
    """The key written as `namespace:name` or, in old files, `namespace:config:name`."""
    parts = text.split(":")
    if len(parts) == 2:
        return ConfigKey(*parts)
    if len(parts) == 3 and parts[1] == "config":
        return ConfigKey(parts[0], parts[2])
    raise ConfigKeyError(
        f"could not parse {text} as a configuration key "
        "(configuration keys should be of the form `<namespace>:<name>`)"
    )


def parse_argument(text: str, project: str, *, path: bool = False) -> ConfigKey:
    """The key that a person typed: without a namespace it means the project's.

    With `path` only what stands before the first `.` or `[` can carry a namespace.
    """
    if path:
        end = re.search(r"[\[.]", text)
        if end is not None and end.start() > 0:
            top = parse_argument(text[: end.start()], project)
            return ConfigKey(top.namespace, top.name + text[end.start() :])
    if ":" not in text:
        return ConfigKey(project, text)
    return parse_key(text)
