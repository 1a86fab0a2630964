from __future__ import annotations

import pytest

from runctl_auto.agent.job.exit_codes import told


@pytest.mark.parametrize(
    ("code", "text", "cause"),
    [
        (126, "exit code 126: ", "executable"),
        (127, "exit code 127: ", "PATH"),
        (137, "exit code 137 (SIGKILL): ", "memory"),
        (139, "exit code 139 (SIGSEGV): ", "native code"),
        (141, "exit code 141 (SIGPIPE): ", "pipefail"),
        (143, "exit code 143 (SIGTERM): ", "other than runctl"),
        (135, "exit code 135 (SIGBUS): ", "/dev/shm"),
    ],
)
def test_what_lies_behind(code: int, text: str, cause: str) -> None:
    assert told(code).startswith(text)
    assert cause in told(code)


@pytest.mark.parametrize(
    ("code", "text"), [(1, "exit code 1"), (130, "exit code 130 (SIGINT)"), (200, "exit code 200")]
)
def test_others_are_numbers(code: int, text: str) -> None:
    assert told(code) == text


def test_what_the_kernel_says_goes_first() -> None:
    assert told(1, "memory ran out") == "exit code 1: memory ran out"
    assert told(137, "memory ran out") == "exit code 137 (SIGKILL): memory ran out"
