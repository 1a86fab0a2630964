"""The reference says what the code does; the guide names commands and files that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from support.output_schemas import leaves

from runctl_auto.cli.main import cli
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.support import unsupported
from runctl_auto.settings.sources import check_settings_text

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


def blocks(kind: str) -> list[tuple[str, str]]:
    """Code of one kind in the pages, each with a name for its test."""
    return [
        (f"{page.relative_to(ROOT)}:{number}", block)
        for page in PAGES
        for number, block in enumerate(re.findall(rf"```{kind}\n(.*?)```", page.read_text(), flags=re.DOTALL))
    ]


JOBS = [each for each in blocks("yaml") if "\nrun:" in each[1]]


@pytest.mark.parametrize("job", [each[1] for each in JOBS], ids=[each[0] for each in JOBS])
def test_jobs_that_are_shown_are_accepted(job: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(job)
    assert unsupported(load_job_file(file).spec) == []


@pytest.mark.parametrize(
    "text", [each[1] for each in blocks("toml")], ids=[each[0] for each in blocks("toml")]
)
def test_settings_that_are_shown_are_accepted(text: str) -> None:
    check_settings_text(".runctl.toml", text)


def test_pages_show_jobs_and_settings() -> None:
    assert len(JOBS) >= 5
    assert blocks("toml")


def test_the_training_loop_that_is_shown_keeps_the_contract(tmp_path: Path) -> None:
    ((_, script),) = [each for each in blocks("python") if "SIGTERM" in each[1]]
    counted = f"{script[: script.index('sys.exit')]}\nprint(state['epoch'], len(stop))"
    environment = {"RUNCTL_CHECKPOINT_DIR": str(tmp_path / "saved")}
    for _ in range(2):  # the second time it finds that all is done
        ran = subprocess.run(
            [sys.executable, "-I", "-c", counted], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout == "10 0\n"
    assert [file.name for file in (tmp_path / "saved").iterdir()] == ["state.json"]


CONTRACTS = sorted((ROOT / "docs" / "contracts").glob("*.md"))


def pinned_by(text: str) -> Iterator[str]:
    """Paths below tests/ that a page names in brackets, as in [unit/a: test_b, test_c; e2e/test_d]."""
    for reference in re.findall(r"\[((?:unit|contract|integration|e2e)/[^\]]+)\]", text):
        for part in reference.split(";"):
            folder, colon, names = part.strip().partition(":")
            yield from (each.strip() for each in folder.split(","))
            if colon:
                yield from (f"{folder}/{each}" for each in re.findall(r"test_\w+", names))


@pytest.mark.parametrize("page", CONTRACTS, ids=lambda page: page.name)
def test_tests_that_pin_a_contract_exist(page: Path) -> None:
    named = list(pinned_by(page.read_text()))
    tests = ROOT / "tests"
    assert named
    missing = [each for each in named if not (tests / each).is_dir() and not (tests / f"{each}.py").is_file()]
    assert missing == []


@pytest.mark.parametrize("page", CONTRACTS, ids=lambda page: page.name)
def test_modules_that_a_contract_names_exist(page: Path) -> None:
    named = re.findall(r"`([\w-]+/[\w/-]+\.py)`", page.read_text())
    folders = (ROOT, ROOT / "runctl_auto", ROOT / "sandbox", ROOT / "sandbox" / "aws")
    assert [each for each in named if not any((folder / each).is_file() for folder in folders)] == []


def test_places_where_to_change_something_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text[text.index("## Where to change what") : text.index("## Rules")]
    named = [each for each in re.findall(r"`([\w./-]+)`", table) if "/" in each and "NAME" not in each]
    assert len(named) > 20
    assert [each for each in named if not (ROOT / each).exists()] == []
