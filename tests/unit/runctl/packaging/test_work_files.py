"""What travels and what is left out, by runctl's own reader: no git is on PATH here."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from runctl_auto.errors import PackagingError
from runctl_auto.local.git_index import UnreadableIndexError
from runctl_auto.packaging.git_config import read_git_config
from runctl_auto.packaging.git_index import tracked_names
from runctl_auto.packaging.ignore_rules import parse_rules
from runctl_auto.packaging.wildcards import compiled
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.packaging.work_folder import WorkFolder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, content: str | bytes = "") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def repository(folder: Path, *tracked: str, modes: dict[str, int] | None = None) -> None:
    for name in ("objects", "refs", "info"):
        (folder / ".git" / name).mkdir(parents=True)
    put(folder, ".git/HEAD", "ref: refs/heads/main\n")
    if tracked:
        put(folder, ".git/index", index(*tracked, modes=modes or {}))


def index(*names: str, version: int = 2, modes: dict[str, int] | None = None, hash_bytes: int = 20) -> bytes:
    content = struct.pack(">4sII", b"DIRC", version, len(names))
    previous = b""
    for name in sorted(names):
        text = name.encode()
        entry = struct.pack(">10I", 0, 0, 0, 0, 0, 0, (modes or {}).get(name, 0o100644), 0, 0, 0)
        entry += b"\1" * hash_bytes + struct.pack(
            ">H", min(len(text), 0xFFF) | (0x4000 if version == 3 else 0)
        )
        entry += b"\0\0" if version == 3 else b""
        if version == 4:
            same = 0
            while same < min(len(text), len(previous)) and text[same] == previous[same]:
                same += 1
            entry += number(len(previous) - same) + text[same:] + b"\0"
            previous = text
        else:
            entry += text
            entry += b"\0" * (8 - len(entry) % 8)
        content += entry
    return content + b"TREE" + struct.pack(">I", 3) + b"abc" + b"\2" * hash_bytes


def number(value: int) -> bytes:
    """The variable length of git: seven bits a byte, each further byte counting one more."""
    found = bytes([value & 0x7F])
    while value := value >> 7:
        value -= 1
        found = bytes([0x80 | (value & 0x7F)]) + found
    return found


def walked(work: Path, home: Path) -> WorkFolder:
    return walk_work_folder(work, {"PATH": str(home / "nothing"), "HOME": str(home)})


def names(found: WorkFolder) -> set[str]:
    return {file.name for file in found.files}


def reasons(found: WorkFolder) -> dict[str, str]:
    return {each.name: each.why for each in found.left_out}


class TestRules:
    def test_whitelists_reach_into_folders(self, work: Path, home: Path) -> None:
        put(work, "wl/.gitignore", "*\n!*/\n!*.py\n")
        for name in ("wl/a.py", "wl/a.txt", "wl/deep/b.py", "wl/deep/b.txt"):
            put(work, name)
        found = walked(work, home)
        assert names(found) == {"wl/a.py", "wl/deep/b.py"}
        assert reasons(found)["wl/deep/b.txt"] == "wl/.gitignore:1: *"

    def test_a_byte_order_mark_is_no_part_of_the_first_rule(self, work: Path, home: Path) -> None:
        put(work, ".gitignore", b"\xef\xbb\xbf*.bin\r\n/out\r\n")
        for name in ("a.bin", "out/x", "in/out"):
            put(work, name)
        assert names(walked(work, home)) == {".gitignore", "in/out"}

    def test_the_excludes_of_the_repository_and_of_the_person(self, work: Path, home: Path) -> None:
        repository(work)
        put(work, ".git/info/exclude", "secret.txt\n!kept.orig\n")
        put(home, ".config/git/ignore", "*.orig\n")
        for name in ("secret.txt", "a.orig", "kept.orig", "train.py"):
            put(work, name)
        found = walked(work, home)
        assert names(found) == {"kept.orig", "train.py"}
        assert reasons(found) == {
            "secret.txt": ".git/info/exclude:1: secret.txt",
            "a.orig": "~/.config/git/ignore:1: *.orig",
        }

    def test_excludes_that_the_configuration_names(self, work: Path, home: Path) -> None:
        put(home, "mine/ignored", "*.tmp\n")
        put(home, ".gitconfig", "[core]\n\tpager = less\n\texcludesfile = ~/mine/ignored\n")
        put(work, "a.tmp")
        put(work, "a.py")
        found = walked(work, home)
        assert (names(found), reasons(found)) == ({"a.py"}, {"a.tmp": "~/mine/ignored:1: *.tmp"})

    def test_a_link_is_no_ignore_file(self, work: Path, home: Path) -> None:
        put(work, "rules", "*.py\n")
        (work / ".gitignore").symlink_to("rules")
        put(work, "a.py")
        assert names(walked(work, home)) == {".gitignore", "a.py", "rules"}

    def test_tracked_files_travel_although_a_rule_names_them(self, work: Path, home: Path) -> None:
        repository(work, "data/keep.csv", "model.bin", "gone.bin")
        put(work, ".gitignore", "data/\n*.bin\n")
        for name in ("data/keep.csv", "data/other.csv", "data/deep/x", "model.bin", "b.bin"):
            put(work, name)
        found = walked(work, home)
        assert names(found) == {".gitignore", "data/keep.csv", "model.bin"}
        assert reasons(found) == {
            "b.bin": ".gitignore:2: *.bin",
            "data/deep/": ".gitignore:1: data/",
            "data/other.csv": ".gitignore:1: data/",
        }

    def test_a_rule_names_bytes(self, work: Path, home: Path) -> None:
        put(work, ".gitignore", "?.txt\n??.log\n")
        for name in ("ü.txt", "u.txt", "ü.log"):
            put(work, name)
        assert names(walked(work, home)) == {".gitignore", "ü.txt"}

    def test_names_that_are_no_text(self, work: Path, home: Path) -> None:
        put(work, ".gitignore", b"*.bin\n\xff.py\n")
        for name in (b"\xfe.bin", b"\xff.py", b"\xfe.py"):
            (work / name.decode("utf-8", "surrogateescape")).write_text("")
        assert names(walked(work, home)) == {".gitignore", b"\xfe.py".decode("utf-8", "surrogateescape")}


class TestRunctlIgnore:
    def test_it_leaves_out_what_git_tracks(self, work: Path, home: Path) -> None:
        repository(work, "big.csv", "train.py")
        put(work, ".runctlignore", "*.csv\n.runctlignore\n")
        put(work, "big.csv")
        put(work, "train.py")
        found = walked(work, home)
        assert (names(found), reasons(found)["big.csv"]) == ({"train.py"}, ".runctlignore:1: *.csv")

    def test_it_takes_what_git_does_not(self, work: Path, home: Path) -> None:
        repository(work)
        put(work, ".gitignore", "data/\n*.bin\n/out/\n")
        put(work, ".runctlignore", "!data/\n!*.bin\n")
        for name in ("data/train.bin", "data/deep/x", "drop.bin", "out/a.bin"):
            put(work, name)
        assert names(walked(work, home)) == {
            ".gitignore",
            ".runctlignore",
            "data/deep/x",
            "data/train.bin",
            "drop.bin",
        }

    def test_it_wins_over_a_rule_further_inside(self, work: Path, home: Path) -> None:
        put(work, ".runctlignore", "*.log\n")
        put(work, "sub/.gitignore", "!a.log\n")
        put(work, "sub/a.log")
        assert names(walked(work, home)) == {".runctlignore", "sub/.gitignore"}


class TestNestedRepositories:
    def test_they_decide_for_themselves(self, work: Path, home: Path) -> None:
        repository(work, "train.py")
        put(work, ".gitignore", "*.bin\n")
        put(work, ".git/info/exclude", "*.txt\n")
        repository(work / "vendor" / "lib", "kept.tmp")
        put(work, "vendor/lib/.gitignore", "*.tmp\n")
        for name in (
            "train.py",
            "vendor/lib/a.bin",
            "vendor/lib/b.txt",
            "vendor/lib/c.tmp",
            "vendor/lib/kept.tmp",
        ):
            put(work, name)
        assert names(walked(work, home)) == {
            ".gitignore",
            "train.py",
            "vendor/lib/.gitignore",
            "vendor/lib/a.bin",
            "vendor/lib/b.txt",
            "vendor/lib/kept.tmp",
        }

    def test_one_that_a_rule_names_is_left_out(self, work: Path, home: Path) -> None:
        repository(work)
        put(work, ".gitignore", "lib/\n")
        repository(work / "lib")
        put(work, "lib/a.py")
        assert names(walked(work, home)) == {".gitignore"}

    def test_a_submodule_travels_although_a_rule_names_it(self, work: Path, home: Path) -> None:
        repository(work, "lib", modes={"lib": 0o160000})
        put(work, ".gitignore", "lib/\n")
        put(work, "modules/lib/HEAD", "ref: refs/heads/main\n")
        for name in ("objects", "refs"):
            (work / "modules" / "lib" / name).mkdir()
        put(work, "lib/.git", "gitdir: ../modules/lib\n")
        put(work, "lib/a.py")
        assert "lib/a.py" in names(walked(work, home))

    def test_a_submodule_that_is_not_checked_out_is_told(self, work: Path, home: Path) -> None:
        repository(work, "lib", modes={"lib": 0o160000})
        (work / "lib").mkdir()
        put(work, "a.py")
        found = walked(work, home)
        assert found.empty_folders == ("lib",)
        assert "git submodule update --init" in reasons(found)["lib/"]


class TestWalk:
    def test_what_never_travels_is_told(self, work: Path, home: Path) -> None:
        for name in (".venv/x", "a/__pycache__/m.pyc", ".runctl/x", "a.py"):
            put(work, name)
        found = walked(work, home)
        assert set(reasons(found)) == {".venv/", "a/__pycache__/"}

    def test_sizes(self, work: Path, home: Path) -> None:
        for name, size in (("a", 3), ("b", 9), ("d/c", 5)):
            put(work, name, b"x" * size)
        found = walked(work, home)
        assert found.bytes == 17
        assert [file.name for file in found.largest(2)] == ["b", "d/c"]
        assert found.heaviest_folders(3) == (("d", 5),)
        assert [file.name for file in found.files_below("d")] == ["d/c"]

    def test_a_deep_tree(self, work: Path, home: Path) -> None:
        put(work, "/".join(["d"] * 600) + "/x")
        assert len(walked(work, home).files) == 1

    def test_an_unreadable_index_is_told(self, work: Path, home: Path) -> None:
        repository(work)
        put(work, ".git/index", b"DIRC\0\0\0\7\0\0\0\0")
        put(work, "a.py")
        (note,) = walked(work, home).notes
        assert "could not be read (its version 7 is unknown)" in note

    def test_a_special_file_that_a_rule_names_is_left_out(self, work: Path, home: Path) -> None:
        os.mkfifo(work / "pipe")
        put(work, ".gitignore", "pipe\n")
        assert names(walked(work, home)) == {".gitignore"}
        put(work, ".gitignore", "")
        with pytest.raises(PackagingError, match="pipe is neither"):
            walked(work, home)


class TestIndex:
    NAMES = ("a", "a/b.py", "deep/er/c", "ü", "z" * 5000)

    @pytest.mark.parametrize("version", [2, 3, 4])
    @pytest.mark.parametrize("hash_bytes", [20, 32])
    def test_versions(self, version: int, hash_bytes: int) -> None:
        content = index(*self.NAMES, version=version, hash_bytes=hash_bytes)
        assert tracked_names(content, hash_bytes=hash_bytes) == set(self.NAMES)

    @pytest.mark.parametrize("content", [b"", b"DIRC", b"XXXX" + b"\0" * 8, index("a")[:40]])
    def test_damage(self, content: bytes) -> None:
        with pytest.raises(UnreadableIndexError):
            tracked_names(content)

    def test_a_split_index_is_not_guessed_at(self) -> None:
        content = index("a").replace(b"TREE", b"link")
        with pytest.raises(UnreadableIndexError, match="split"):
            tracked_names(content)


class TestConfiguration:
    def test_forms(self, tmp_path: Path) -> None:
        put(
            tmp_path,
            "config",
            '; all of it\n[Core] bare = false\n excludesFile = "a # b" ; comment\n[user "x"]\nname = y\n'
            "[extensions]\nobjectFormat = sha\\\n256\n[core]\nflag\n[include]\npath = more\n",
        )
        put(tmp_path, "more", '[core]\n\tautocrlf = \\"input\\"\n[include]\npath = config\n')
        assert read_git_config(tmp_path / "config", tmp_path) == {
            "core.bare": "false",
            "core.excludesfile": "a # b",
            "extensions.objectformat": "sha256",
            "core.flag": "true",
            "core.autocrlf": '"input"',
            "user.x.name": "y",
        }

    def test_what_is_no_file_says_nothing(self, tmp_path: Path) -> None:
        assert read_git_config(tmp_path, tmp_path) == {}


class TestWildcards:
    @pytest.mark.parametrize(
        "pattern", [b"*a" * 40 + b"b", b"**/a/" * 30 + b"b", b"*[ab]*" * 30 + b"c", b"?*" * 60 + b"!"]
    )
    def test_no_pattern_takes_long(self, pattern: bytes) -> None:
        for is_path in (True, False):
            expression = compiled(pattern, is_path=is_path)
            assert expression is not None
            assert not expression.fullmatch(b"a/" * 1000 if is_path else b"a" * 250)

    @pytest.mark.parametrize("pattern", [b"[", b"[a", b"[[:nope:]]", b"a\\", b"[[:alpha:"])
    def test_what_matches_nothing(self, pattern: bytes) -> None:
        assert compiled(pattern, is_path=False) is None

    def test_a_long_line_of_spaces(self) -> None:
        (rule,) = parse_rules(b"a" + b" " * 500_000 + b"b", "x")
        assert rule.prefix.endswith(b" b")
