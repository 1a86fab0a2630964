"""The bills of jobs that are gone: in the backend beside the stacks, and in ``.runctl/costs/`` of the
project.

A file for each life of a job. The project's are kept apart by backend, so that the sandbox's money is never
added to a cloud's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runctl_auto.backend.mark import backend_mark
from runctl_auto.cost.bill_json import bill_from_json, bill_to_json
from runctl_auto.cost.ledger import Bill, merged
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.session import Session
from runctl_auto.local.private_folder import read_private, replace_private
from runctl_auto.local.strict_json import strict_json

FOLDER = "costs"


class BillArchive:
    """The archived bills of one backend."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._backend = session.driver.backend
        self._mark = backend_mark(session.environment.backend)

    def bills(self) -> tuple[Bill, ...]:
        """All that can be read, one for each job: of the backend, and of the project for what it lacks."""
        kept = self._backend.documents(FOLDER)
        texts: list[Any] = [*self._local_texts(), *(kept or {}).values()]
        return merged(bill for text in texts if (bill := _parsed(text)) is not None)

    def keep(self, bill: Bill, life: str) -> None:
        """Writes the bill of the life ``life`` of a job, merged with what is already kept of it. What cannot
        be written is said: a teardown does not fail for it.
        """
        name = f"{bill.job}/{life}.json"
        before = filter(None, (_parsed(self._backend.document(FOLDER, name)), _parsed(self._local(name))))
        (whole,) = merged((*before, bill))
        text = strict_json(bill_to_json(whole), indent=1) + "\n"
        try:
            folder = self._session.folders.make_private(FOLDER, self._mark, bill.job)
            replace_private(folder / f"{life}.json", text)
            self._backend.keep_document(FOLDER, name, text.encode())
        except (OSError, RunctlError) as error:
            self._session.reporter.say(f"what the job cost could not be kept: {error}")

    @property
    def _folder(self) -> Path:
        return self._session.folders.private / FOLDER / self._mark

    def _local(self, name: str) -> str | None:
        try:
            return read_private(self._folder / name)
        except OSError:
            return None

    def _local_texts(self) -> Iterator[str]:
        for file in sorted(self._folder.glob("*/*.json")):
            text = self._local(str(file.relative_to(self._folder)))
            if text is not None:
                yield text


def _parsed(text: Any) -> Bill | None:
    """None for what is no bill."""
    try:
        return bill_from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
