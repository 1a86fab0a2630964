"""Summaries for a list are kept in the project's private folder; a list that decides reads all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.sessions import fake_session

from runctl_auto.backend.checkpoints import StackSummary
from runctl_auto.backend.files import StoredFile
from runctl_auto.backend.kept_summaries import SummariesInText
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.shown_jobs import shown_jobs

FILE = StoredFile("stacks/runctl/a.json", None, "m")  # type: ignore[arg-type]  # its time is not looked at


def session(folder: Path, found: list[StackSummary | None]) -> Session:
    driver = create_autospec(Driver, instance=True)

    def jobs(kept: Any = None) -> tuple[JobSummary, ...]:
        if isinstance(kept, SummariesInText):
            known = kept.find("a", FILE)
            found.append(known)
            if known is None:
                kept.keep(FILE, StackSummary("a", 3, "2026", busy=False))
        return (JobSummary("a", 3, "2026", False),)

    driver.jobs.side_effect = jobs
    driver.config_of.return_value = {}
    return fake_session(folder, driver=driver)


def kept_file(folder: Path) -> Path:
    (file,) = (fake_session(folder).folders.private / "summaries").iterdir()
    return file


def test_a_second_list_finds_what_the_first_one_kept(tmp_path: Path) -> None:
    found: list[StackSummary | None] = []
    for _ in range(2):
        shown_jobs(session(tmp_path, found))
    assert found == [None, StackSummary("a", 3, "2026", busy=False)]
    assert kept_file(tmp_path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("spoilt", ["torn", "link", "folder"])
def test_a_file_that_is_not_ours_is_ignored(tmp_path: Path, spoilt: str) -> None:
    shown_jobs(session(tmp_path, []))
    file = kept_file(tmp_path)
    text = file.read_text()
    file.unlink()
    if spoilt == "torn":
        file.write_text(text[:-5])
    elif spoilt == "link":
        (tmp_path / "elsewhere").write_text(text)
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.mkdir()
    found: list[StackSummary | None] = []
    assert shown_jobs(session(tmp_path, found))
    assert found == [None]


def test_only_a_list_that_is_shown_uses_them(tmp_path: Path) -> None:
    found: list[StackSummary | None] = []
    wanted_jobs(session(tmp_path, found), Filters())
    assert found == []
    wanted_jobs(session(tmp_path, found), Filters(), shown=True)
    assert found == [None]
