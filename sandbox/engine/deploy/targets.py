"""The URNs and globs of options like `--target`: `*` matches within a part of a URN, `**` anything."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Targets:
    """URNs given literally and by globs. A set without any matches everything: it constrains nothing."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        texts = list(texts)
        self.literals = [text for text in texts if "*" not in text]
        self._set = set(self.literals)
        self._globs = [_pattern(text) for text in texts if "*" in text]

    def copy(self) -> Targets:
        """A set that can be added to apart from this one."""
        other = Targets()
        other.literals, other._set, other._globs = list(self.literals), set(self._set), list(self._globs)
        return other

    @property
    def constrained(self) -> bool:
        """Whether anything was given."""
        return bool(self.literals or self._globs)

    def __contains__(self, urn: str) -> bool:
        if not self.constrained or urn in self._set:
            return True
        return any(glob.match(urn) for glob in self._globs)

    def add(self, urn: str) -> None:
        """Adds a URN to a constrained set; an unconstrained one holds it already."""
        if self.constrained and urn not in self._set:
            self.literals.append(urn)
            self._set.add(urn)


def _pattern(glob: str) -> re.Pattern[str]:
    parts = ["[^:]*".join(re.escape(piece) for piece in part.split("*")) for part in glob.split("**")]
    return re.compile("^" + ".*".join(parts) + "$", re.DOTALL)
