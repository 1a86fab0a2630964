"""Scripts as people write them, run by the real agent: their shell, search paths, and how they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

SCRIPTS = {
    "a start-up file that asks for unset variables": (
        'source ./rc.sh\nexport LD_LIBRARY_PATH=/opt/cuda/lib64:$LD_LIBRARY_PATH\necho "trained"'
    ),
    "a pipe whose reader leaves early": "seq 1 2000000 | head -n 3\necho trained",
    "a search without a result in a pipe": "ls | grep nothing-of-this-name | wc -l\necho trained",
    "a condition that fails": "if grep -q x rc.sh; then echo x; fi\nfalse || echo trained",
    "an unset array": 'args=()\necho "${args[@]}" trained "$UNSET"',
}
FILES = {"rc.sh": '[ -z "$PS1" ] && return\n'}


def end(machine: Machine, command: str, **spec: Any) -> dict[str, Any]:
    machine.provide(FILES, command=command, **spec)
    machine.boot()
    return machine.wait_until_halted()


@pytest.mark.parametrize(
    "name",
    [name if "pipe" in name else pytest.param(name, marks=pytest.mark.matrix) for name in SCRIPTS],
)
def test_a_script_runs_as_in_a_plain_bash(machine: Machine, name: str) -> None:
    status = end(machine, SCRIPTS[name])
    assert (status["phase"], status["message"]) == ("succeeded", None), machine.logs()
    assert "trained" in machine.logs()


def test_the_first_command_that_fails_still_ends_it(machine: Machine) -> None:
    status = end(machine, "false\necho not reached")
    assert (status["phase"], status["exit_code"]) == ("failed", 1)
    assert "not reached" not in machine.logs()


@pytest.mark.parametrize(
    ("shell", "command", "code", "said"),
    [
        ("bash -euo pipefail", "seq 1 2000000 | head -n 1; echo on", 141, "exit code 141 (SIGPIPE)"),
        pytest.param("bash -eu", "echo $UNSET; echo on", 1, "unbound variable", marks=pytest.mark.matrix),
        ("no-such-shell", "echo on", 127, "no-such-shell, which is not installed"),
    ],
)
def test_another_shell_may_be_stricter(
    machine: Machine, shell: str, command: str, code: int, said: str
) -> None:
    status = end(machine, command, shell=shell)
    assert (status["phase"], status["reason"], status["exit_code"]) == ("failed", "command_failed", code)
    assert said in machine.logs() + status["message"]


@pytest.mark.matrix
def test_a_plain_sh(machine: Machine) -> None:
    status = end(machine, 'echo "run by $0"', shell="sh")
    assert status["phase"] == "succeeded", machine.logs()
    assert "/sh\n" in machine.logs()


def test_python_runs_the_command_and_a_shell_the_setup(machine: Machine) -> None:
    command = "import os, pathlib\nprint('python sees', pathlib.Path('made').read_text())"
    status = end(machine, command, setup="echo by setup >made", shell="python")
    assert status["phase"] == "succeeded", machine.logs()
    assert "python sees by setup" in machine.logs()


def test_path_extends_the_machines(machine: Machine) -> None:
    greeting = 'it\'s "$HOME"\nline 2 \\ `id`'
    machine.environment["PATH"] += ":/from/the/machine"
    status = end(
        machine,
        'echo "$GREETING"; echo "$PATH"; ls',
        env={"PATH": "/opt/conda/bin:$PATH", "GREETING": greeting},
    )
    assert status["phase"] == "succeeded", machine.logs()
    assert greeting in machine.logs()
    assert "\n/opt/conda/bin:" in machine.logs()
    assert "$PATH" not in machine.logs()
    assert "rc.sh" in machine.logs()


def test_a_path_without_the_systems_folders_still_starts_the_shell(machine: Machine) -> None:
    status = end(machine, "no-such-command", env={"PATH": "/opt/conda/bin"})
    assert (status["reason"], status["exit_code"]) == ("command_failed", 127)
    assert "a command was not found" in status["message"]


FAILURES = {
    "python3 -c 'import os; os.kill(os.getpid(), 9)'": (137, "(SIGKILL): most often the machine's memory"),
    "python3 -c 'import os; os.kill(os.getpid(), 11)'; true": (139, "(SIGSEGV)"),
    "kill -TERM $$": (143, "(SIGTERM): something other than runctl"),
    "./rc.sh": (126, "executable bit"),
    "exit 200": (200, "ended with exit code 200"),
}


@pytest.mark.parametrize(
    "command",
    [each if "9)" in each else pytest.param(each, marks=pytest.mark.matrix) for each in FAILURES],
)
def test_exit_codes_are_told_with_their_likely_cause(machine: Machine, command: str) -> None:
    code, cause = FAILURES[command]
    status = end(machine, command)
    assert (status["phase"], status["exit_code"]) == ("failed", code)
    assert cause in status["message"]
    assert cause in machine.logs()
