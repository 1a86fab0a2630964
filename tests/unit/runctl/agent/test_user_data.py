from __future__ import annotations

import ast
from importlib.resources import files

import pytest

from runctl_auto.agent.user_data import LIMIT_BYTES, MODULES, render_user_data, without_prose

LONGEST = {
    "job": "j" * 40,
    "run": "0123456789",
    "region": "ap-southeast-1",
    "bucket": "b" * 63,
    "account": "123456789012",
    "agent": {"key": f"agent/{'a' * 64}.pyz", "sha256": "a" * 64},
    "spec_key": "runs/0123456789/spec.json",
    "deadline_seconds": 31_536_000,
    "mounts": "0123456789ab",
}


def test_the_longest_configuration_leaves_room() -> None:
    assert len(render_user_data(LONGEST).encode()) < LIMIT_BYTES - 200


def test_the_same_configuration_gives_the_same_text() -> None:
    assert render_user_data(dict(reversed(LONGEST.items()))) == render_user_data(LONGEST)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="accepts 16384"):
        render_user_data({**LONGEST, "job": "x" * LIMIT_BYTES})


def code_of(source: str) -> str:
    """The program without its docstrings: what must stay."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


@pytest.mark.parametrize("module", MODULES)
def test_the_carried_modules_are_the_same_programs(module: str) -> None:
    source = files("runctl_auto.agent").joinpath(f"{module}.py").read_text()
    assert code_of(without_prose(source)) == code_of(source)


def test_texts_keep_their_lines_and_indentation() -> None:
    text = '"""a\n        # no comment\n\n  b"""'
    source = f'def f():\n    """Doc.\n\n    More."""\n    # note\n    x = {text}\n\n    return x  # why\n'
    assert without_prose(source) == f"def f():\n x = {text}\n return x\n"
