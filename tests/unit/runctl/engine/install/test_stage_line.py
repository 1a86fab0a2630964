"""Progress is one rewritten line in a terminal, and a few lines elsewhere."""

from __future__ import annotations

from io import StringIO

from runctl_auto.engine.install.stage_line import StageLine, report_text
from runctl_auto.engine.install.stages import StageReport


def test_elsewhere_a_line_for_each_stage_and_every_fifteen_seconds() -> None:
    stream = StringIO()
    line = StageLine(stream, is_terminal=False)
    for seconds in range(32):
        line(StageReport("compiling", f"{seconds} of 40 packages", seconds))
    line(StageReport("checking the engine", "", 32.0))
    line.close()
    assert stream.getvalue().splitlines() == [
        "engine: compiling, 0 of 40 packages (0:00)",
        "engine: compiling, 15 of 40 packages (0:15)",
        "engine: compiling, 30 of 40 packages (0:30)",
        "engine: checking the engine (0:32)",
    ]


def test_in_a_terminal_the_line_is_rewritten_and_ended_once() -> None:
    stream = StringIO()
    line = StageLine(stream, is_terminal=True)
    line(StageReport("compiling", "", 1))
    line(StageReport("compiling", "", 2))
    line.close()
    line.close()
    assert stream.getvalue() == "\r\x1b[Kengine: compiling (0:01)\r\x1b[Kengine: compiling (0:02)\n"


def test_minutes() -> None:
    assert report_text(StageReport("compiling", "", 325.9)) == "engine: compiling (5:25)"
