"""Notices in the shapes of webhooks: nothing that a job writes is taken for more than text."""

from __future__ import annotations

import json

import pytest

from runctl_auto.agent.notices.notice import Notice, prefix_for
from runctl_auto.agent.notices.notice_contract import Event


def notice(text: str, **details: object) -> Notice:
    return Notice(
        Event.FAILURE, "ended", text, "2026-11-30T12:00:00Z", job="digits", run="r1", details=details
    )


def test_the_plain_shape() -> None:
    assert json.loads(
        notice("digits: training failed", exit_code=3, reason="command_failed").body("json")
    ) == {
        "schema": 1,
        "event": "failure",
        "key": "ended",
        "at": "2026-11-30T12:00:00Z",
        "job": "digits",
        "run": "r1",
        "text": "digits: training failed",
        "exit_code": 3,
        "reason": "command_failed",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> come", "&lt;!channel&gt; come"),
        ("<https://elsewhere.example|log in>", "&lt;https://elsewhere.example|log in&gt;"),
        ("a & b\n\x1b[31mred", "a &amp; b  [31mred"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
    ],
)
def test_slack_takes_no_text_of_a_job_for_a_mention_or_a_link(text: str, shown: str) -> None:
    assert json.loads(notice(text).body("slack")) == {"text": shown}


def test_a_long_text_is_cut_and_half_a_character_is_no_error() -> None:
    told = json.loads(notice("x" * 10_000).body("json"))["text"]
    assert (len(told), told[-1]) == (300, "…")
    assert notice("\ud800").body("slack")


def test_the_machine_cannot_write_the_marks_about_itself() -> None:
    assert prefix_for("r1", Event.SILENCE).startswith("runs/r1/control/")
    assert prefix_for("r1", Event.END) == "runs/r1/notices/"
