"""The dashboard as files, for a mail or what a pipeline keeps. Each page is one file that needs no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.pages.looks.look import Look
from runctl_auto.pages.looks.reading import Reading
from runctl_auto.pages.web.links import Links, job_file
from runctl_auto.pages.web.views import (
    costs_page,
    index_page,
    job_page,
    leaks_page,
    leaks_word,
    receipts_page,
)

_LINKS = Links(is_export=True)


@dataclass(frozen=True)
class Exported:
    """The files that were written, ``index`` among them."""

    index: Path
    files: tuple[Path, ...]


def export(reading: Reading, look: Look, folder: Path) -> Exported:
    """Writes all pages of a look into ``folder``, which is new, empty, or holds an earlier export. Blocks for
    the logs of all jobs.

    Raises ``UsageError`` for another folder, ``OSError`` when it cannot be written.
    """
    _make_room(folder)
    written = []
    for name, text in _pages(reading, look):
        file = folder / name
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        written.append(file)
    return Exported(folder / _LINKS.index, tuple(written))


def _pages(reading: Reading, look: Look) -> Iterator[tuple[str, str]]:
    """Names and texts, the index last: where it is, all others are."""
    yield _LINKS.page("costs"), costs_page(_LINKS, reading.costs(look))
    yield _LINKS.page("leaks"), leaks_page(_LINKS, reading.leaks, look.at, reading.leaks_problem)
    yield _LINKS.page("receipts"), receipts_page(_LINKS, reading.receipts(), look.at)
    for name in look.jobs:
        yield job_file(name), job_page(_LINKS, look, name, reading.details(look, name))
    told = None if reading.leaks is None else leaks_word(reading.leaks)
    yield _LINKS.index, index_page(_LINKS, look, problem=reading.looking.problem, leaks=told)


def _make_room(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = list(folder.iterdir())
    own = {_LINKS.index, *(_LINKS.page(name) for name in ("costs", "leaks", "receipts"))}
    others = [each.name for each in found if each.name not in own and not _is_job_page(each)]
    if others:
        raise UsageError(
            f"{folder} holds something else than an earlier export: {others[0]}.",
            where={"path": str(folder)},
            next_step="Name a new folder.",
        )
    for each in found:
        each.unlink()


def _is_job_page(file: Path) -> bool:
    return file.name.startswith("job-") and file.suffix == ".html"
