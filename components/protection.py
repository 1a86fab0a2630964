"""Protection of a component: the engine's option and a visible tag, always both. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.tags import PROTECTED, without_protection


@dataclass(frozen=True, kw_only=True)
class Protected:
    """The options of a component that may be protected. Children inherit ``protect`` from their component."""

    protect: bool

    def tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """``tags`` with the protection tag if and only if it is protected."""
        plain = without_protection(tags)
        return {**plain, PROTECTED: "true"} if self.protect else plain
