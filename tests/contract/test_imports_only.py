"""What each part may import, read from its source: also what is imported inside functions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ALLOWED = {
    "components": {"pulumi", "pulumi_aws", "components"},
    "policies": {"pulumi_policy", "policies", "components.tags"},
    "runctl_auto/agent": {"runctl_auto.agent"},
}
# The programs that Pulumi starts by path find their own packages first.
PROGRAMS = {
    "stacks/__main__.py": {"runctl_auto.program"},
    "policies/__main__.py": {"policies.pack"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            if module in ALLOWED:  # from components import tags
                yield from (f"{module}.{alias.name}" for alias in node.names)
            else:
                yield module


def foreign(path: Path, allowed: set[str]) -> list[str]:
    return [
        name
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    ]


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(path, allowed) for folder, allowed in ALLOWED.items() for path in sources(folder)],
    ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, Path) else "",
)
def test_imports_nothing_else(path: Path, allowed: set[str]) -> None:
    assert foreign(path, allowed) == []


@pytest.mark.parametrize(("program", "allowed"), PROGRAMS.items())
def test_a_program_imports_its_one_entry_point(program: str, allowed: set[str]) -> None:
    assert foreign(ROOT / program, allowed) == []
    assert not any((ROOT / program).parent.joinpath("__init__.py").read_text().strip().splitlines())


def test_a_foreign_import_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import json\nimport boto3\ndef f():\n    from components import spot_instance, tags\n")
    assert foreign(path, ALLOWED["policies"]) == ["boto3", "components.spot_instance"]


@pytest.mark.parametrize("package", ["components", "policies", "stacks"])
def test_packages_import_nothing_by_themselves(package: str) -> None:
    assert list(imported(ROOT / package / "__init__.py")) == []
