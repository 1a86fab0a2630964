"""Writes the loader of a job as one file: its settings, then the parts that its data need."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Form = Literal["files", "tar", "chunks"]
"""One sample a file, or many in tar files, or in chunks that litdata wrote."""

_READERS: Mapping[str, Sequence[str]] = {
    "stage": ("files", "opening_files"),
    "volume": ("files", "opening_files"),
    "snapshot": ("files", "opening_files"),
    "direct": ("objects", "opening_objects"),
    "cache": ("files", "objects", "caching", "opening_cache"),
    "auto": ("files", "objects", "caching", "opening_any"),
}
_SAMPLES: Mapping[Form, Sequence[str]] = {
    "files": ("samples_of_objects", "values", "decoding_files"),
    "tar": ("samples_of_tar", "values", "decoding_tar"),
    "chunks": ("samples_of_chunks", "values", "decoding_chunks"),
}
_OWN = "runctl_auto."


@dataclass(frozen=True, kw_only=True)
class LoaderSettings:
    """What a loader is written for. ``together`` neighbours of a shard are read with one request."""

    job: str
    source: str
    path: str
    strategy: str
    form: Form
    region: str
    workers: int
    in_flight: int
    batch_size: int = 64
    prefetch: int = 2
    together: int = 1

    def constants(self) -> dict[str, tuple[object, str]]:
        """The constants at the beginning of the file, each with what it means."""
        return {
            "SOURCE": (self.source, "where the data are"),
            "PATH": (self.path, "where the job finds them as files"),
            "REGION": (self.region, "of the bucket"),
            "BATCH_SIZE": (self.batch_size, "samples"),
            "WORKERS": (self.workers, "processes that read and decode; the training keeps one CPU"),
            "PREFETCH": (self.prefetch, "batches that each of them reads ahead"),
            "IN_FLIGHT": (self.in_flight, "requests at once of each of them"),
            "FILES_AT_ONCE": (8, "files that each of them reads at once"),
            "TOGETHER": (self.together, "neighbours that stay together when the order is shuffled"),
        }


def loader_text(settings: LoaderSettings) -> str:
    """The loader as Python source."""
    names = ("order", "reading", *_READERS[settings.strategy], *_SAMPLES[settings.form], "loading")
    parts = [_Part.of(name) for name in names]
    constants = settings.constants()
    used = {name for part in parts for name in part.constants if name in constants}
    imports = _merged(line for part in parts for line in part.imports)
    head = [
        f'"""Loads the data of job {settings.job}. Written by `runctl data loader`: yours to change.',
        "",
        f"Strategy: {settings.strategy}. Needs {_needs(settings)}.",
        "`decode` makes a sample of what was read: change it for your data. `python loader.py` reads one",
        "epoch and prints how fast that was.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
        *(
            f"{name} = {_literal(value)}  # {what}"
            for name, (value, what) in constants.items()
            if name in used
        ),
    ]
    bodies = [f"\n# {part.title}\n\n\n{part.body(frozenset(constants))}" for part in parts]
    return "\n".join(head) + "\n\n" + "\n\n".join(bodies).rstrip() + "\n"


def _needs(settings: LoaderSettings) -> str:
    reads_s3 = settings.strategy in ("direct", "cache", "auto")
    pillow = ", Pillow for images" if settings.form != "chunks" else ""
    return f"torch (threads read ahead without it){', obstore' if reads_s3 else ''}, numpy for arrays{pillow}"


def _literal(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    text = repr(value)
    return text if '"' in value else f'"{text[1:-1]}"'


@dataclass(frozen=True)
class _Part:
    """One module of this folder, as text and as a tree."""

    text: str
    tree: ast.Module

    @classmethod
    def of(cls, name: str) -> _Part:
        text = (
            resources.files("runctl_auto.transfer.loader").joinpath(f"{name}.py").read_text(encoding="utf-8")
        )
        return cls(text, ast.parse(text))

    @property
    def title(self) -> str:
        return (ast.get_docstring(self.tree) or "").splitlines()[0]

    @property
    def imports(self) -> Iterator[ast.Import | ast.ImportFrom]:
        for node in self.tree.body:
            if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not _is_own(node)):
                yield node

    @property
    def constants(self) -> Iterator[str]:
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id

    def body(self, settled: frozenset[str]) -> str:
        """Everything but the docstring, the imports and the constants in ``settled``, which come first."""
        lines = self.text.splitlines()
        nodes = self.tree.body
        left_out: set[int] = set()
        for number, node in enumerate(nodes):
            following = nodes[number + 1] if number + 1 < len(nodes) else None
            if number == 0 or isinstance(node, ast.Import | ast.ImportFrom):
                left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            elif isinstance(node, ast.Assign) and _name(node) in settled:
                last = following if following is not None and _is_text(following) else node
                left_out.update(range(node.lineno, (last.end_lineno or last.lineno) + 1))
        kept = [line for number, line in enumerate(lines, 1) if number not in left_out]
        return "\n".join(kept).strip("\n")


def _name(node: ast.Assign) -> str:
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""


def _is_own(node: ast.ImportFrom) -> bool:
    return (node.module or "").startswith((_OWN, "__future__"))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _merged(nodes: Iterator[ast.Import | ast.ImportFrom]) -> list[str]:
    """Each import once, in the usual order."""
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for node in nodes:
        names = {each.name for each in node.names}
        if isinstance(node, ast.Import):
            plain |= names
        else:
            named.setdefault(node.module or "", set()).update(names)
    modules = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items())]
    return [*(f"import {name}" for name in sorted(plain)), *modules]
