"""Reading and writing settings files, YAML or JSON by their extension."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class SettingsFileError(Exception):
    """A settings file cannot be read: the message names the file and what is wrong in it."""


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in `path`; an empty file is an empty mapping.

    Raises FileNotFoundError, or SettingsFileError when it is no mapping or no valid YAML/JSON.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        try:
            value = json.loads(text) if text.strip() else {}
        except ValueError as error:
            raise SettingsFileError(f"could not parse '{path}': {error}") from error
    else:
        value = _parse_yaml(path, text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsFileError(f"could not parse '{path}': expected a map of settings")
    return value


def _parse_yaml(path: Path, text: str) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise SettingsFileError(f"could not unmarshal '{path}': invalid YAML file: {_told(error)}") from error


def _told(error: Exception) -> str:
    """A YAML error in one line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"yaml: line {mark.line + 1}: {problem}" if mark is not None and problem else str(error)


def write_document(path: Path, value: Mapping[str, Any]) -> None:
    """Writes `value` to `path` atomically, in the format of its extension."""
    text = json.dumps(value, indent=4) + "\n" if path.suffix == ".json" else _render_yaml(value)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _render_yaml(value: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Lists are indented under their key, and text that looks like another type is in double quotes."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

        def represent_text(self, text: str) -> yaml.ScalarNode:
            if "\n" in text:
                return self.represent_scalar("tag:yaml.org,2002:str", text, style="|")
            resolved = self.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
            style = None if resolved == "tag:yaml.org,2002:str" else '"'
            return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, Dumper.represent_text)
    return str(yaml.dump(dict(value), Dumper=Dumper, sort_keys=False, default_flow_style=False, width=2**30))
