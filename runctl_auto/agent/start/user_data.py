"""User data of an instance: a bash script with the configuration and the bootstrap's sources, compressed."""

from __future__ import annotations

import ast
import base64
import io
import json
import tarfile
import textwrap
import tokenize
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from runctl_auto.agent.data.same_gzip import same_gzip
from runctl_auto.agent.start.used_code import imported_names, used_code

LIMIT_BYTES = 16 * 1024
MODULES = (
    "contract",
    "keys",
    "status_format",
    "errors",
    "store.sigv4",
    "store.web",
    "machine.imds",
    "store.s3_request",
    "machine.query_request",
    "machine.own_group",
    "start.bootstrap",
)
"""The modules in the user data, below the agent's package; each imports only those before it."""
END = "RUNCTL_END"

HEAD = """\
#!/bin/bash
# runctl: fetches the agent of one run and starts it as a service; ends the machine when that fails.
folder=$(mktemp -d)
cd "$folder"
"""
TAIL = """\
python3 -E -s -m runctl_auto.agent.start.bootstrap "$(cat config.json)"
code=$?
cd /
rm -rf "$folder"
if [ "$code" -ne 0 ]; then
  echo "runctl: shutting down, the bootstrap ended with $code"
  shutdown -h now || systemctl poweroff
fi
exit "$code"
"""


def render_user_data(config: Mapping[str, object]) -> str:
    """The script for one run. The same configuration gives the same text on any machine.

    `config` is a `UserDataJson`. Raises ValueError when the script exceeds the 16 KB that the cloud accepts.
    """
    text = HEAD
    text += _file("config.json", json.dumps(config, sort_keys=True))
    text += f"base64 -d <<'{END}' | tar xzo\n{packed_sources()}\n{END}\n"
    text += TAIL
    size = len(text.encode("utf-8"))
    if size > LIMIT_BYTES:
        raise ValueError(f"the user data has {size} bytes, the cloud accepts {LIMIT_BYTES}")
    return text


@cache
def packed_sources(modules: tuple[str, ...] = MODULES) -> str:
    """An archive of the modules, as lines of base64; the same bytes on any machine."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for module, source in carried_sources(modules).items():
            content = without_prose(source).encode()
            entry = tarfile.TarInfo(f"runctl_auto/agent/{_path(module)}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    packed = base64.b64encode(same_gzip(buffer.getvalue())).decode("ascii")
    return "\n".join(textwrap.wrap(packed, 120))


def carried_sources(modules: tuple[str, ...] = MODULES) -> dict[str, str]:
    """The last of ``modules``, and the definitions that it uses of those that it imports, by module."""
    sources: dict[str, str] = {}
    wanted: dict[str, set[str]] = {}
    for module in reversed(modules):
        source = files("runctl_auto.agent").joinpath(_path(module)).read_text(encoding="utf-8")
        source = used_code(source, wanted.get(module))
        for name, names in imported_names(source, "runctl_auto.agent").items():
            wanted.setdefault(name, set()).update(names)
        sources[module] = source
    return {module: sources[module] for module in modules}


def _path(module: str) -> str:
    return module.replace(".", "/") + ".py"


def without_prose(source: str) -> str:
    """The module without docstrings (also those of values), comments, types of results and empty lines,
    indented by one.
    """
    lines = _without_types_of_results(source)
    inside_texts: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
        (row, column), (last_row, _) = token.start, token.end
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif token.type == tokenize.STRING:
            inside_texts.update(range(row, last_row))
    for number, replacement in _docstrings(source).items():
        lines[number] = replacement
        inside_texts.discard(number)
    kept = [
        line if number in inside_texts else _narrow(line)
        for number, line in enumerate(lines)
        if line.strip() or number in inside_texts
    ]
    return "\n".join(kept) + "\n"


def _without_types_of_results(source: str) -> list[str]:
    """The lines without the `-> type` of functions; one that takes several lines stays."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        result = node.returns if isinstance(node, ast.FunctionDef) else None
        if result is not None and result.end_lineno == result.lineno:
            line = lines[result.lineno - 1].encode()
            before = line[: result.col_offset].rpartition(b"->")[0].rstrip()
            lines[result.lineno - 1] = (before + line[result.end_col_offset :]).decode()
    return lines


def _docstrings(source: str) -> dict[int, str]:
    """Lines (from 0) of docstrings and their replacement: nothing, or `pass` in an empty body."""
    replaced: dict[int, str] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        texts = [each for each in node.body if is_text(each)]
        for text in texts:
            replaced.update(dict.fromkeys(range(text.lineno - 1, text.end_lineno or text.lineno), ""))
        if texts and len(node.body) == len(texts):
            replaced[texts[0].lineno - 1] = " " * texts[0].col_offset + "pass"
    return replaced


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is an unused string."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _narrow(line: str) -> str:
    depth = len(line) - len(line.lstrip(" "))
    return " " * (depth // 4) + line.lstrip(" ")


def _file(name: str, content: str) -> str:
    return f"cat >{name} <<'{END}'\n{content.rstrip()}\n{END}\n"
