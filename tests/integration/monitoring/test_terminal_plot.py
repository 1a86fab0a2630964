"""plotext, installed by the test, draws curves in a terminal's width."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.fetched_tools import python_packages

pytestmark = pytest.mark.matrix

DRAWS = """\
import sys
sys.path.append(sys.argv[1])
from runctl_auto.cli.views.terminal_plot import terminal_plot
from runctl_auto.observe.metrics.line_chart import Curve
from runctl_auto.observe.metrics.series import Series

def curve(name, *values):
    steps = tuple(float(each) for each in range(len(values)))
    return Curve(name, Series(name, "step", "output", "", len(values), steps, values, steps))

curves = [curve("loss\\x1b[2J", 3.0, float("nan"), 1.0), curve("accuracy", 0.0, 0.5, 0.9), curve("none")]
for log in (False, True):
    print("\\n".join(terminal_plot(curves, width=80, log=log)))
"""


def test_curves_in_a_terminal(tmp_path: Path) -> None:
    packages = python_packages(tmp_path / "packages", "plotext>=5.3,<6")
    done = subprocess.run(
        [sys.executable, "-c", DRAWS, str(packages)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 40
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    assert "accuracy" in done.stdout
    assert "step" in lines[-1]
