"""The upload of one object in parts: begun, taken up by a later command, completed or ended.

The order of writes makes every crash recoverable: the intent is noted before an upload is begun, its id
before the first part is made, and the journal goes once the object is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runctl_auto.errors import DamagedDataError, NotFoundError, RunctlError
from runctl_auto.providers.objects import ObjectData, ObjectFacts, UploadedPart
from runctl_auto.transfer.journal import DonePart, Journal
from runctl_auto.transfer.unfinished import end_unnamed

UsableParts = Callable[[Iterable[UploadedPart]], Mapping[int, DonePart]]
"""Those of the listed parts that need not be made again."""


class PartUpload:
    """``begin`` begins an upload and gives its id. ``is_complete``: whether an upload that is gone became the
    object, because the answer that said so was lost. ``journal`` is held by the caller.
    """

    def __init__(
        self,
        data: ObjectData,
        key: str,
        journal: Journal,
        *,
        begin: Callable[[], str],
        is_complete: Callable[[], bool],
    ) -> None:
        self._data = data
        self._key = key
        self._journal = journal
        self._begin = begin
        self._is_complete = is_complete
        self.id = ""

    @property
    def spool(self) -> Path:
        """Where what is sent may lie, for a later command too."""
        return self._journal.path.with_suffix(".zst")

    def take_up(self, facts: dict[str, Any], usable: UsableParts) -> Mapping[int, DonePart] | None:
        """The parts that are there; None when the object is complete. Begins an upload if needed.

        ``facts`` say what is moved and how; they differ from those of an earlier command in ``at_ns`` only
        where its parts can be used.
        """
        journal, data = self._journal, self._data
        if journal.upload is not None:
            if {**journal.facts, "at_ns": 0} == {**facts, "at_ns": 0}:
                listed = data.parts(self._key, journal.upload)
                if listed is not None:
                    self.id = journal.upload
                    found = usable(listed)
                    journal.parts = dict(found)
                    return found
                if self._is_complete():
                    return None
            else:
                data.abort(self._key, journal.upload)
        elif journal.facts:
            end_unnamed(data, self._key, int(journal.facts.get("at_ns", 0)))
        journal.start_over(facts)
        self.id = self._begun(facts["at_ns"])
        journal.begun(self.id)
        return {}

    def complete(self, parts: Iterable[DonePart], crc64: str | None) -> ObjectFacts | None:
        """Makes the object of all parts; None when an earlier request had done so.

        Raises ``DamagedDataError`` when the store refuses for the checksum: the upload is ended then.
        """
        listed: Sequence[UploadedPart] = [
            UploadedPart(number=each.number, size=each.size, etag=each.etag, crc64=each.crc64 or None)
            for each in parts
        ]
        try:
            return self._data.complete(self._key, self.id, listed, crc64=crc64)
        except NotFoundError:
            if not self._is_complete():
                raise
            return None
        except DamagedDataError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Ends the upload: its parts are of no use any more."""
        self._data.abort(self._key, self.id)
        self.forget()

    def forget(self) -> None:
        """Removes what a later command would go on from."""
        self.spool.unlink(missing_ok=True)
        self._journal.remove()

    def _begun(self, since_ns: int) -> str:
        try:
            return self._begin()
        except NotFoundError:
            raise
        except RunctlError:
            # The answer may be lost while the upload was begun.
            end_unnamed(self._data, self._key, since_ns)
            return self._begin()
