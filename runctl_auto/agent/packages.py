"""The packages in a job's bucket: its code, whole or in parts, and the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

MOST_PACKAGE_BYTES: Final = 1024 * 1024 * 1024

PackageKind = Literal["code", "part", "agent"]
PACKAGE_SUFFIXES: Mapping[PackageKind, str] = {"code": ".tar.gz", "part": ".tar", "agent": ".pyz"}
PARTS_LISTING: Final = ".runctl/parts.json"
"""The first file in the code package of a large work folder: a list of ``PartJson``. Nothing else of this
folder travels."""
MOST_CODE_PARTS: Final = 10_000


class PartJson(TypedDict):
    """A part of a large work folder, as an object of its own (``package_key``): ``bytes`` of the object."""

    sha256: str
    bytes: int


def package_key(kind: PackageKind, sha256: str) -> str:
    """The key of the package with this content."""
    folder = "code" if kind == "part" else kind
    return f"{folder}/{sha256}{PACKAGE_SUFFIXES[kind]}"


class PackageJson(TypedDict):
    """A package in the bucket."""

    key: str
    sha256: str
