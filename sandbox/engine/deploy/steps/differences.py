"""What steps tell of the difference that they are about."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.engine.deploy.providers.api import Diff, PropertyDiff


class TellsDifference:
    """Mixed into steps that know what the provider said would change."""

    diff: Diff | None

    @property
    def diffs(self) -> tuple[str, ...]:
        """The properties that differ."""
        return self.diff.changed_keys if self.diff else ()

    @property
    def detailed_diff(self) -> Mapping[str, PropertyDiff] | None:
        """The differences in detail, if the provider told them."""
        return self.diff.detailed if self.diff else None


class TellsReplacement(TellsDifference):
    """Mixed into steps of replacements."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The properties that cause the replacement."""
        return self.diff.replace_keys if self.diff else ()
