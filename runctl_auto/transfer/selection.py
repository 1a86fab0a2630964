"""Which files of a tree are transferred: ``--include``, ``--exclude`` and ``.gitignore``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.packaging.ignore_rules import IgnoreFile, last_verdict, parse_rules, read_ignore_file

Selects = Callable[[str, str, bool], bool]


@dataclass(frozen=True)
class Selection:
    """A file is taken if it matches a pattern of ``include`` (or there is none), none of ``exclude``, and no
    ``.gitignore`` of the tree ignores it (with ``gitignore``). Patterns are those of ``.gitignore``.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = False
    _included: IgnoreFile = field(init=False, repr=False, compare=False)
    _excluded: IgnoreFile = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_included", _rules(self.include, "--include"))
        object.__setattr__(self, "_excluded", _rules(self.exclude, "--exclude"))

    @property
    def takes_folders(self) -> bool:
        """Whether empty folders are taken: with ``include``, only files that match are."""
        return not self.include

    def takes(self, path: str, name: str) -> bool:
        """Whether the file is included, by its own name or that of a folder above it."""
        if not self.include:
            return True
        if _matches(self._included, path, name, is_folder=False):
            return True
        parts = path.split("/")[:-1]
        return any(
            _matches(self._included, "/".join(parts[:count]), parts[count - 1], is_folder=True)
            for count in range(1, len(parts) + 1)
        )

    def excludes(self, path: str) -> bool:
        """Whether ``--exclude`` or ``--include`` leave out the file at this path."""
        parts = path.split("/")
        for count in range(1, len(parts)):
            if _matches(self._excluded, "/".join(parts[:count]), parts[count - 1], is_folder=True):
                return True
        if _matches(self._excluded, path, parts[-1], is_folder=False):
            return True
        return not self.takes(path, parts[-1])

    def within(self, folder: Path, path: str, above: Selects | None = None) -> Selects:
        """What decides about the entries directly in ``folder``, which is at ``path`` (with a slash) in the
        tree: given path, name and whether it is a folder.

        Raises ``PackagingError`` when an ignore file cannot be read.
        """
        chain: tuple[IgnoreFile, ...] = getattr(above, "chain", ())
        if self.gitignore:
            found = read_ignore_file(
                folder / ".gitignore", path.encode(errors="surrogateescape"), ".gitignore"
            )
            chain = (found, *chain) if found is not None else chain
        return _Within(self._excluded, chain, hides_git=self.gitignore)


@dataclass(frozen=True)
class _Within:
    excluded: IgnoreFile
    chain: tuple[IgnoreFile, ...]
    hides_git: bool

    def __call__(self, path: str, name: str, is_folder: bool) -> bool:
        if self.hides_git and name == ".git":
            return False
        if self.excluded.rules and _matches(self.excluded, path, name, is_folder=is_folder):
            return False
        if not self.chain:
            return True
        encoded = path.encode(errors="surrogateescape")
        verdict = last_verdict(self.chain, encoded, name.encode(errors="surrogateescape"), is_folder)
        return verdict is None or verdict.keeps


def _rules(patterns: tuple[str, ...], source: str) -> IgnoreFile:
    text = "\n".join((*patterns, "")).encode(errors="surrogateescape")
    return IgnoreFile(b"", tuple(parse_rules(text, source)))


def _matches(rules: IgnoreFile, path: str, name: str, *, is_folder: bool) -> bool:
    if not rules.rules:
        return False
    verdict = rules.verdict(
        path.encode(errors="surrogateescape"), name.encode(errors="surrogateescape"), is_folder
    )
    return verdict is not None and not verdict.keeps


EVERYTHING = Selection()
