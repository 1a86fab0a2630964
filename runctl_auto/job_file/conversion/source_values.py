"""The values of a source file, taken one by one, so that what remains is what nothing was made of."""

from __future__ import annotations

from typing import Any

from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.other_names import ADVICE
from runctl_auto.job_file.plain_values import Location

NOTHING_LIKE_IT = "runctl has nothing like it"


class Fields:
    """The fields of the mapping at ``place`` of the source."""

    def __init__(self, draft: Draft, values: dict[str, Any], place: Location = ()) -> None:
        self._draft = draft
        self._values = dict(values)
        self.place = place

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def take(self, name: str) -> Any:
        """The value of ``name``, which counts as read; None when it is absent."""
        return self._values.pop(name, None)

    def at(self, name: str) -> Location:
        return (*self.place, name)

    def refuse(self, *names: str, because: str) -> None:
        """Remarks on those of ``names`` that are there."""
        for name in names:
            if self.take(name) is not None:
                self._draft.remark(self.at(name), because)

    def refuse_rest(self) -> None:
        """Remarks on all that was not taken."""
        for name in list(self._values):
            if self._values.pop(name) is not None:
                self._draft.remark(self.at(name), ADVICE.get(name, NOTHING_LIKE_IT))
