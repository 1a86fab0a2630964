"""The rooms of the product, and that unit tests lie where what they test lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = {
    "agent",
    "backend",
    "cli",
    "cost",
    "engine",
    "job_file",
    "jobs",
    "leftovers",
    "local",
    "observe",
    "operations",
    "packaging",
    "pages",
    "permissions",
    "placement",
    "protection",
    "providers",
    "reports",
    "run",
    "settings",
    "stack",
    "transfer",
}
LOOSE = {"__init__.py", "errors.py", "program.py"}
TESTED = {
    "runctl": "runctl_auto",
    "sandbox": "sandbox",
    "components": "components",
    "policies": "policies",
    "stacks": "stacks",
}


def folders(root: Path) -> set[str]:
    """All folders below ``root`` that hold Python modules, relative to it."""
    return {each.parent.relative_to(root).as_posix() for each in root.rglob("*.py")} - {"."}


def test_the_rooms_are_those_of_the_design() -> None:
    entries = {each.name for each in (ROOT / "runctl_auto").iterdir() if each.name != "__pycache__"}
    assert entries == ROOMS | LOOSE


def test_every_room_has_modules() -> None:
    empty = {
        room
        for room in ROOMS
        if not [each for each in (ROOT / "runctl_auto" / room).rglob("*.py") if each.name != "__init__.py"]
    }
    assert empty == set()


def test_unit_tests_mirror_what_they_test() -> None:
    unit = ROOT / "tests" / "unit"
    assert {each.name for each in unit.iterdir() if each.is_dir() and each.name != "__pycache__"} == set(
        TESTED
    )
    for tests, code in TESTED.items():
        stray = folders(unit / tests) - folders(ROOT / code) - {"."}
        assert stray == set(), f"tests/unit/{tests} has folders that {code}/ has not"
