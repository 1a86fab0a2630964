"""How much of a history is shown when nobody says how much."""

from __future__ import annotations

from sandbox.engine.cli.command import parse
from sandbox.engine.cli.tree import ROOT


def test_a_page_of_history_has_ten_entries_unless_told() -> None:
    assert parse(ROOT, ["stack", "history"]).flags.number("page-size") == 10
    assert parse(ROOT, ["stack", "history", "--page-size", "3"]).flags.number("page-size") == 3
