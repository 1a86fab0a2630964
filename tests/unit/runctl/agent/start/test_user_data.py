from __future__ import annotations

import ast
import builtins
import symtable
from importlib.resources import files

import pytest

from runctl_auto.agent import keys, packages
from runctl_auto.agent.start.user_data import (
    LIMIT_BYTES,
    MODULES,
    carried_sources,
    is_text,
    render_user_data,
    without_prose,
)

LONGEST = {
    "job": "j" * 40,
    "run": "0123456789",
    "region": "ap-southeast-1",
    "bucket": "b" * 63,
    "account": "123456789012",
    "agent": {"key": packages.package_key("agent", "a" * 64), "sha256": "a" * 64},
    "spec_key": keys.spec_key("0123456789"),
    "spec_sha256": "d" * 64,
    "deadline_seconds": 31_536_000,
    "mounts": "0123456789ab",
    "market": "spot",
}


def test_the_longest_configuration_leaves_room() -> None:
    assert len(render_user_data(LONGEST).encode()) < LIMIT_BYTES - 200


def test_the_same_configuration_gives_the_same_text() -> None:
    assert render_user_data(dict(reversed(LONGEST.items()))) == render_user_data(LONGEST)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="accepts 16384"):
        render_user_data({**LONGEST, "job": "x" * LIMIT_BYTES})


def code_of(source: str) -> str:
    """The program without its docstrings and types of results: what must stay."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not is_text(each)] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.dump(tree)


@pytest.mark.parametrize("module", MODULES)
def test_the_carried_modules_are_the_same_programs(module: str) -> None:
    source = files("runctl_auto.agent").joinpath(f"{module.replace('.', '/')}.py").read_text()
    assert code_of(without_prose(source)) == code_of(source)


def statements(source: str) -> dict[str, str]:
    """The program's statements by the name that each binds; constants of a class one by one."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        name = getattr(node, "name", ast.unparse(getattr(node, "target", None) or node).partition(" ")[0])
        if isinstance(node, ast.ClassDef) and not node.bases and not node.decorator_list:
            found.update({f"{name}.{ast.unparse(each)[:40]}": ast.dump(each) for each in node.body})
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            found[name] = ast.dump(node)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_what_is_carried_of_a_module_is_what_it_says(module: str) -> None:
    source = files("runctl_auto.agent").joinpath(f"{module.replace('.', '/')}.py").read_text()
    carried = statements(carried_sources()[module])
    assert carried
    assert carried.items() <= statements(source).items()


def test_the_bootstrap_is_carried_whole() -> None:
    source = files("runctl_auto.agent").joinpath("start/bootstrap.py").read_text()
    assert statements(carried_sources()["start.bootstrap"]) == statements(source)


def globals_used(source: str) -> set[str]:
    """Names that the code, annotations aside, looks up beyond its functions."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if getattr(node, field, None) is not None:
                setattr(node, field, ast.Constant(value=None) if field == "annotation" else None)
    tables = [symtable.symtable(ast.unparse(tree), "carried", "exec")]
    found: set[str] = set()
    while tables:
        table = tables.pop()
        tables.extend(table.get_children())
        found.update(
            name.get_name() for name in table.get_symbols() if name.is_global() and name.is_referenced()
        )
    return found


def test_every_name_that_is_carried_is_known() -> None:
    sources = carried_sources()
    bound = {
        module: {
            name.get_name()
            for name in symtable.symtable(source, module, "exec").get_symbols()
            if name.is_assigned() or name.is_imported() or name.is_namespace()
        }
        for module, source in sources.items()
    }
    for module, source in sources.items():
        known = bound[module] | {*vars(builtins)} | {"__name__"}
        assert globals_used(source) <= known, module
        for node in ast.parse(source).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runctl_auto.agent."):
                wanted = {alias.name for alias in node.names}
                assert wanted <= bound[str(node.module).removeprefix("runctl_auto.agent.")], module


def test_the_contract_is_carried_as_far_as_the_bootstrap_uses_it() -> None:
    carried = carried_sources()
    assert "def status_key" in carried["keys"]
    assert "def spec_key" not in carried["keys"]
    assert "def new_status" in carried["status_format"]
    assert not any("TypedDict" in each for each in carried.values())


def test_texts_keep_their_lines_and_indentation() -> None:
    text = '"""a\n        # no comment\n\n  b"""'
    source = f'def f():\n    """Doc.\n\n    More."""\n    # note\n    x = {text}\n\n    return x  # why\n'
    assert without_prose(source) == f"def f():\n x = {text}\n return x\n"
