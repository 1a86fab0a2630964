"""Command lines for `runctl exec`, and what the machine must make of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

GREETING = "hello from the job"
SECRET = "the-secret-of-the-exec-cases"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """`words` as they are typed after `--`. `out` is None where it is not compared whole: then `has` must be
    in the output, and `err_has` in what is said beside it."""

    name: str
    words: tuple[str, ...]
    out: bytes | None = b""
    err: bytes | None = b""
    code: int = 0
    given: bytes | None = None
    timeout: str | None = None
    has: bytes = b""
    err_has: bytes = b""
    out_bytes: int | None = None
    seconds: float = 60.0
    tags: frozenset[str] = field(default_factory=frozenset)


def _argument(name: str, *texts: str) -> Case:
    """The machine's program gets the arguments as they are."""
    expected = b"".join(b"[" + os.fsencode(text) + b"]" for text in texts)
    return Case(name, ("printf", "[%s]", *texts), expected)


CASES: tuple[Case, ...] = (
    Case("words", ("echo", "hello", "world"), b"hello world\n"),
    _argument("double quotes", 'say "hi"'),
    _argument("single quotes", "it's", "'quoted'"),
    _argument("both quotes", "'\"'\"'"),
    _argument("backslashes", "a\\b\\\\c", "\\n"),
    _argument("nothing is expanded", "$HOME ${X} $(id) `id` !! ~"),
    _argument("wildcards", "*", "?", "[a-z]*"),
    _argument("blanks", "  two  ", "\t", " "),
    _argument("empty arguments", "", "x", ""),
    _argument("newlines", "one\ntwo\n", "\r\n"),
    _argument("operators", "a;b&&c||d>e<f|g&", "#no comment"),
    _argument("options of runctl's own", "--output", "json", "-v", "--sandbox", "--help", "--"),
    _argument("unicode", "naïve", "日本語", "🙂", "e\u0301"),
    _argument("bytes that are no UTF-8", os.fsdecode(b"\xff\xfe"), "x"),
    _argument("a long argument", "y" * 60_000),
    _argument("many arguments", *(str(number) for number in range(500))),
    _argument("control characters", "\x01\x1b[31m\x7f"),
    Case("a script expands", ('echo "$GREETING"',), f"{GREETING}\n".encode()),
    Case("a script with a pipe", (r"printf 'b\na\n' | sort | tr -d '\n'",), b"ab"),
    Case("a script of lines", ("cat <<'END'\n$one\n  two\nEND\necho three",), b"$one\n  two\nthree\n"),
    Case("a script with wildcards", ('cd "$(mktemp -d)" && touch b a && echo *',), b"a b\n"),
    Case("a script in unicode", ("x='日本 🙂'; echo \"${x}\"",), "日本 🙂\n".encode()),
    Case("a script with variables", ("X=1 sh -c 'echo $X'",), b"1\n"),
    Case("a script stops at a failure", ("false; echo not reached",), b"", code=1),
    Case("redirections", ("{ echo out; echo err >&2; } 2>&1",), b"out\nerr\n"),
    Case("both outputs apart", ("echo out; echo err >&2; echo out2",), b"out\nout2\n", b"err\n"),
    Case("its own code", ("exit 7",), code=7),
    Case("the code of a program", ("sh", "-c", "exit 42"), code=42),
    Case("a code of runctl's own", ("exit 3",), code=3),
    Case("no output", ("true",)),
    Case("no output and a failure", ("false", "x"), code=1),
    Case("no such program", ("no-such-program-here", "x"), err=None, code=127, err_has=b"not installed"),
    Case("no such file", ("/no/such/file", "x"), err=None, code=127, err_has=b"not found"),
    Case("not a program", ("/etc/passwd", "x"), err=None, code=126, err_has=b"ermission"),
    Case("killed", ("kill -KILL $$",), code=137),
    Case("ended by a signal", ("kill -TERM $$",), code=143),
    Case("bytes", (r"printf '\000\001\377\n'",), b"\x00\x01\xff\n"),
    Case("input", ("cat", "-"), b"from here\n", given=b"from here\n"),
    Case("input of bytes", ("cat", "-"), bytes(range(256)) * 500, given=bytes(range(256)) * 500),
    Case("an empty input", ("cat; echo end",), b"end\n", given=b""),
    Case("no input", ("cat; echo end",), b"end\n"),
    Case("input that nobody reads", ("echo", "done"), b"done\n", given=b"x" * MEBIBYTE),
    Case("time-out", ("echo begun; sleep 60",), b"begun\n", None, 124, timeout="1s", err_has=b"--timeout"),
    Case(
        "time-out of a deaf command",
        ("trap '' TERM; echo begun; while :; do sleep 0.2; done",),
        b"begun\n",
        None,
        124,
        timeout="1s",
        err_has=b"--timeout",
    ),
    Case("in time", ("sleep 0.2; echo done",), b"done\n", timeout="1m"),
    Case("more than a result holds", ("seq 20000",), "".join(f"{n}\n" for n in range(1, 20001)).encode()),
    Case(
        "much on both outputs",
        ("head -c 1000000 /dev/zero | tr '\\0' a; head -c 1000000 /dev/zero | tr '\\0' b >&2",),
        b"a" * 1_000_000,
        b"b" * 1_000_000,
    ),
    Case("ten megabytes", ("head -c 10000000 /dev/zero | tr '\\0' x",), b"x" * 10_000_000),
    Case(
        "a gigabyte",
        ("head -c 1000000000 /dev/zero | tr '\\0' z",),
        b"z" * (64 * MEBIBYTE),
        None,
        err_has=b"cut after 64 MiB",
        seconds=300.0,
    ),
    Case("the work folder", ("pwd",), None, has=b"/work\n"),
    Case("a file of the work folder", ("cat", "data.txt"), b"from the work folder\n"),
    Case("the job's variables", ('echo "$RUNCTL_JOB $GREETING"',), None, has=GREETING.encode()),
    Case("the job's secret", ('test "$EXEC_SECRET" = "' + SECRET + '" && echo same',), b"same\n"),
    Case("the job's user", ("id", "-u"), b"0\n"),
    Case("the job's shell", ('echo "${BASH_VERSION:+bash}"',), b"bash\n"),
    Case("what goes on in the background", ("sleep 5 & echo started",), b"started\n"),
)
