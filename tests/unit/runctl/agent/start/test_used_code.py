from __future__ import annotations

import ast

import pytest

from runctl_auto.agent.start.used_code import imported_names, used_code

SOURCE = '''"""Doc."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as frozen
from typing import Final

SCHEMA: Final = 1
OTHER = 2


class Phase:
    """Phases."""

    FAILED: Final = "failed"
    RUNNING: Final = "running"
    """Runs."""


ENDED = {Phase.FAILED}


@frozen
class Shape:
    names: Sequence[str]


def helper(shape: Shape) -> Mapping[str, int]:
    return {"schema": SCHEMA}


def entry() -> str:
    return json.dumps(helper(None))


if OTHER:
    print(Phase)
'''


def lines(*wanted: str) -> list[str]:
    return [line for line in used_code(SOURCE.partition("\nif OTHER")[0], wanted).splitlines() if line]


def test_a_function_comes_with_what_it_uses_and_not_with_its_annotations() -> None:
    assert lines("entry") == [
        '"""Doc."""',
        "from __future__ import annotations",
        "import json",
        "SCHEMA: Final = 1",
        "def helper(shape: Shape) -> Mapping[str, int]:",
        '    return {"schema": SCHEMA}',
        "def entry() -> str:",
        "    return json.dumps(helper(None))",
    ]


def test_of_constants_in_a_class_only_the_used_ones() -> None:
    assert lines("ENDED")[2:] == [
        "class Phase:",
        '    """Phases."""',
        '    FAILED: Final = "failed"',
        '    """Runs."""',
        "ENDED = {Phase.FAILED}",
    ]


def test_a_decorator_belongs_to_its_class_and_uses_its_import() -> None:
    assert lines("Shape")[2:] == [
        "from dataclasses import dataclass as frozen",
        "@frozen",
        "class Shape:",
        "    names: Sequence[str]",
    ]


def test_what_binds_nothing_stays_with_what_it_uses() -> None:
    kept = used_code(SOURCE, [])
    assert "if OTHER:\n    print(Phase)" in kept
    assert "OTHER = 2" in kept
    assert "SCHEMA" not in kept


def test_everything_is_wanted_without_a_choice() -> None:
    kept = used_code(SOURCE)
    assert ast.dump(ast.parse(kept)) == ast.dump(
        ast.parse(
            SOURCE.replace("from collections.abc import Mapping, Sequence\n", "").replace(
                "from typing import Final\n", ""
            )
        )
    )


@pytest.mark.parametrize("wanted", [["entry"], ["ENDED"], ["Shape"], None])
def test_lines_keep_their_places(wanted: list[str] | None) -> None:
    for before, after in zip(SOURCE.splitlines(), used_code(SOURCE, wanted).splitlines(), strict=True):
        assert after in (before, "")


def test_names_that_a_module_uses_of_others() -> None:
    source = (
        "from package.a import Phase, call\nfrom package.b import Only\nfrom other import x\n"
        "def f(value: Only) -> None:\n    call(Phase.FAILED, x.y)\n"
    )
    assert imported_names(source, "package") == {"a": {"Phase", "Phase.FAILED", "call"}, "b": {"Only"}}
