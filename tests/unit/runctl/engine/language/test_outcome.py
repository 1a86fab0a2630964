from __future__ import annotations

import pytest

from runctl_auto.engine.language.outcome import ERROR_SHOWN, Outcome, outcome


@pytest.mark.parametrize(
    ("code", "stopped", "expected"),
    [
        (0, False, Outcome()),
        (0, True, Outcome()),
        (ERROR_SHOWN, False, Outcome(bail=True)),
        (-15, True, Outcome(bail=True)),
        (3, False, Outcome("program exited with non-zero exit code: 3")),
        (-9, False, Outcome("program was ended by the signal SIGKILL")),
        (-99, False, Outcome("program was ended by the signal 99")),
    ],
)
def test_the_engine_is_told_what_it_has_not_shown(code: int, stopped: bool, expected: Outcome) -> None:
    assert outcome(code, stopped=stopped) == expected
