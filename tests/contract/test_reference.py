"""The reference says what the code does; the guide names commands and files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from support.output_schemas import leaves

from runctl_auto.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {path for path, _ in leaves(cli)}


def generator() -> ModuleType:
    spec = util.spec_from_file_location("generate_reference", REFERENCE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_makes() -> None:
    old = [name for name, text in generator().pages().items() if (REFERENCE / name).read_text() != text]
    assert not old, f"`make docs` writes {', '.join(old)} anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    broken = [
        target
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if "://" not in target
        and not target.startswith("#")
        and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert broken == []


def named_commands(text: str) -> Iterator[tuple[str, ...]]:
    for words in re.findall(r"(?:^|[`\s(\"])runctl ((?:-[-\w]+(?: json| text)? )*[a-z]+(?: [a-z]+)?)", text):
        yield tuple(
            word for word in words.split() if not word.startswith("-") and word not in ("json", "text")
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]*`", page.read_text(), flags=re.DOTALL))
    known = {path[0] for path in COMMANDS}
    groups = {path[0] for path in COMMANDS if len(path) > 1}
    for words in named_commands(code):
        assert words[0] in known, f"{page.name} names `runctl {' '.join(words)}`"
        if words[0] in groups and len(words) > 1:
            assert words[:2] in COMMANDS, f"{page.name} names `runctl {' '.join(words)}`"
