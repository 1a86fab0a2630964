from __future__ import annotations

import ast
import io
import sys
import zipfile

import pytest

from runctl_auto.agent.start.bundle import build_bundle


@pytest.fixture(scope="module")
def bundle() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(build_bundle()))


def test_the_same_bytes_each_time(bundle: zipfile.ZipFile) -> None:
    assert build_bundle() == build_bundle()
    for entry in bundle.infolist():
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.compress_type == zipfile.ZIP_STORED, "compressors differ between machines"
    assert bundle.namelist() == sorted(bundle.namelist())


def test_it_can_be_run(bundle: zipfile.ZipFile) -> None:
    assert "__main__.py" in bundle.namelist()
    assert bundle.read("runctl_auto/__init__.py") == b""


def imports(source: bytes) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_it_needs_the_standard_library_and_itself_only(bundle: zipfile.ZipFile) -> None:
    own = {name[: -len(".py")].replace("/", ".").removesuffix(".__init__") for name in bundle.namelist()}
    for name in bundle.namelist():
        foreign = {
            module
            for module in imports(bundle.read(name))
            if module not in own and module.split(".")[0] not in sys.stdlib_module_names
        }
        assert foreign == set(), name


def test_every_module_parses_as_python_3_9(bundle: zipfile.ZipFile) -> None:
    for name in bundle.namelist():
        ast.parse(bundle.read(name), filename=name, feature_version=(3, 9))
