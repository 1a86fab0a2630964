"""What is installed: locked with hashes, the lock current, the bill of materials complete. Needs no
network."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
UNBOUNDED = {"cryptography"}
"""Core dependencies without an upper bound: each release is a new major, and what runctl uses of it is
stable."""


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lock_text() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def locked(lock_text: str) -> list[tuple[Requirement, list[str]]]:
    """Each entry of the lock, and its hashes."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z])", re.sub(r"^#.*\n", "", lock_text, flags=re.M)):
        stated, *hashes = (part.strip() for part in block.replace("\\\n", "\n").strip().split("\n"))
        found.append((Requirement(stated), hashes))
    return found


def versions(locked: list[tuple[Requirement, list[str]]], python: str) -> dict[str, Version]:
    """What the lock installs with a version of Python on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return {
        canonicalize_name(each.name): Version(next(iter(each.specifier)).version)
        for each, _ in locked
        if each.marker is None or each.marker.evaluate(environment)
    }


def test_the_lock_was_made_from_the_present_requirements(pyproject: dict[str, Any], lock_text: str) -> None:
    lock = script("lock")
    told = re.search(r"^# declared: (\S+)$", lock_text, re.M)
    assert told is not None
    assert told[1] == lock.digest(lock.declared(pyproject)), "run `make lock`"


@pytest.mark.parametrize("python", PYTHONS)
def test_it_fits_what_is_declared_on_every_python(
    pyproject: dict[str, Any], locked: list[tuple[Requirement, list[str]]], python: str
) -> None:
    held = versions(locked, python)
    for text in script("lock").declared(pyproject):
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": python}):
            assert held[canonicalize_name(wanted.name)] in wanted.specifier, text


def test_every_entry_has_hashes_and_one_version(locked: list[tuple[Requirement, list[str]]]) -> None:
    assert len(locked) > 50
    for entry, hashes in locked:
        assert [each.operator for each in entry.specifier] == ["=="], entry
        assert entry.url is None
        assert hashes, entry
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), entry


def test_it_holds_all_that_its_packages_need(locked: list[tuple[Requirement, list[str]]]) -> None:
    """By the metadata of what is installed here."""
    held = versions(locked, f"{sys.version_info.major}.{sys.version_info.minor}")
    missing = set()
    for name in held:
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for text in needs:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                missing |= {canonicalize_name(need.name)} - held.keys()
    assert missing == set()


def test_core_dependencies_end_before_the_next_major(pyproject: dict[str, Any]) -> None:
    for text in pyproject["project"]["dependencies"]:
        requirement = Requirement(text)
        operators = {each.operator for each in requirement.specifier}
        assert operators & {"<", "=="} or requirement.name in UNBOUNDED, text


def test_demo_tests_and_ci_install_from_the_lock() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in makefile
    installs = [line for line in makefile.splitlines() if re.search(r"\$\(PIP\)|pip install", line)]
    assert all("--require-hashes" in line or "PIP :=" in line for line in installs), installs
    assert "--no-deps --no-build-isolation" in makefile
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    uses = [step["uses"] for step in steps if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in uses), uses
    assert [step["run"] for step in steps if "run" in step] == ["make test"]


def test_the_bill_names_every_package_and_module(locked: list[tuple[Requirement, list[str]]]) -> None:
    made = script("sbom").project_bill()
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", made["serialNumber"])
    purls = [each["purl"] for each in made["components"]]
    assert len(set(purls)) == len(purls)
    assert all(
        each["bom-ref"] and each["type"] == "library" and each["version"] for each in made["components"]
    )
    for entry, hashes in locked:
        version = next(iter(entry.specifier)).version
        (component,) = [
            c for c in made["components"] if c["bom-ref"] == f"pkg:pypi/{entry.name.lower()}@{version}"
        ]
        told = component["externalReferences"][0]["hashes"]
        assert [f"--hash=sha256:{each['content']}" for each in told] == hashes
    module = ROOT / "runctl_auto" / "engine" / "install" / "module" / "go.mod"
    modules = re.findall(r"^\s+(\S+) (v\S+)", module.read_text(encoding="utf-8"), re.M)
    golang = {each["bom-ref"]: each for each in made["components"] if each["purl"].startswith("pkg:golang/")}
    assert golang.keys() == {f"pkg:golang/{path}@{version}" for path, version in modules}
    assert all(each["properties"][0]["value"].startswith("h1:") for each in golang.values())


def test_the_same_files_give_the_same_bill() -> None:
    assert script("sbom").project_bill() == script("sbom").project_bill()
