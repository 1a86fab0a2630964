"""Extracts only the used definitions of a module, since user data is limited in size.

A definition is a top-level statement of a module, or one in a class that holds constants only (`Phase`).
Annotations do not count as uses, since they are not evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """A statement: its lines (from 0), the names it binds and those it uses. `Phase.FAILED` is one name."""

    lines: range
    binds: frozenset[str]
    uses: frozenset[str]


def used_code(source: str, wanted: Collection[str] | None = None) -> str:
    """The module's source without the definitions and imports that the names in `wanted` do not need.

    None keeps all definitions. Statements that bind no name (a docstring, an `if`) stay. The rest keeps its
    lines.
    """
    tree = ast.parse(source)
    definitions = list(_definitions(tree))
    if wanted is None:
        wanted = {name for each in definitions for name in each.binds}
    kept, needed = _needed(definitions, wanted)
    lines = source.splitlines()
    for each in definitions:
        if each not in kept:
            _replace(lines, each.lines, "")
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            _replace(lines, _lines(statement), _narrowed(statement, needed))
    return "\n".join(lines) + "\n"


def imported_names(source: str, package: str) -> dict[str, set[str]]:
    """The names that a module uses from each module of a package, with the constants of imported classes."""
    tree = ast.parse(source)
    uses = set(_used(tree))
    found: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            names = {alias.name for alias in node.names}
            dotted = {use for use in uses if use.partition(".")[0] in names}
            found.setdefault(str(node.module)[len(package) + 1 :], set()).update(names | dotted)
    return found


def _needed(definitions: Collection[Definition], wanted: Collection[str]) -> tuple[set[Definition], set[str]]:
    kept: set[Definition] = set()
    needed = {*wanted}
    while True:
        more = {each for each in definitions if not each.binds or each.binds & needed} - kept
        if not more:
            return kept, needed
        kept |= more
        needed.update(*(each.uses for each in more))


def _definitions(tree: ast.Module) -> Iterator[Definition]:
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(statement, ast.ClassDef) and _holds_constants_only(statement):
            yield Definition(
                range(statement.lineno - 1, statement.lineno), frozenset({statement.name}), frozenset()
            )
            for constant in statement.body:
                names = {f"{statement.name}.{name}" for name in _bound(constant)} or {statement.name}
                yield Definition(_lines(constant), frozenset(names), frozenset(_used(constant)))
        else:
            yield Definition(_lines(statement), frozenset(_bound(statement)), frozenset(_used(statement)))


def _holds_constants_only(node: ast.ClassDef) -> bool:
    return (
        not (node.bases or node.decorator_list or node.keywords)
        and any(isinstance(each, (ast.Assign, ast.AnnAssign)) for each in node.body)
        and all(isinstance(each, (ast.Assign, ast.AnnAssign, ast.Expr)) for each in node.body)
    )


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return set()


def _used(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield f"{node.value.id}.{node.attr}"
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _used(child)


def _narrowed(node: ast.Import | ast.ImportFrom, needed: Collection[str]) -> str:
    """The import of the needed names only; empty when none is needed."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return "from __future__ import " + ", ".join(each.name for each in node.names)
    aliases = [each for each in node.names if (each.asname or each.name).partition(".")[0] in needed]
    names = ", ".join(f"{each.name} as {each.asname}" if each.asname else each.name for each in aliases)
    if not names:
        return ""
    return f"from {node.module} import {names}" if isinstance(node, ast.ImportFrom) else f"import {names}"


def _lines(node: ast.stmt) -> range:
    decorators = node.decorator_list if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else []
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return range(first - 1, node.end_lineno or node.lineno)


def _replace(lines: list[str], numbers: range, text: str) -> None:
    for number in numbers:
        lines[number] = ""
    lines[numbers.start] = text
