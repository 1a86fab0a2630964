"""Script: installs the engine from a checkout, before or after the Python packages are installed.

``python -I runctl_auto/engine/install/standalone.py [--source auto|download|build]``

Needs the standard library only. Does nothing when the engine is there, or RUNCTL_ENGINE or PATH gives a
compatible one.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

_CHECKOUT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 not installed, 130 interrupted."""
    if str(_CHECKOUT) not in sys.path:
        sys.path.insert(0, str(_CHECKOUT))
    parser = argparse.ArgumentParser(prog="standalone.py", description="Install the pinned Pulumi engine.")
    parser.add_argument("--source", choices=("auto", "download", "build"), default="auto")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        _interrupt_at(number)
    from runctl_auto.errors import RunctlError

    try:
        _install(options.source)
    except RunctlError as error:
        sys.stderr.write(_error_text(error.what, error.where, error.next_step))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("engine: interrupted; nothing was installed or left behind. Repeat to install it.\n")
        return 130
    return 0


def _install(source: str) -> None:
    from runctl_auto.engine.install.installation import install
    from runctl_auto.engine.install.stage_line import StageLine

    if source == "auto" and (found := _usable_engine()):
        _say(found)
        return
    line = StageLine(sys.stderr)
    try:
        done = install(os.environ, source, line)  # type: ignore[arg-type]  # argparse allows no other word
    finally:
        line.close()
    _say(f"Pulumi {done.version} in {done.root}" + ("" if done.was_there else f", {done.seconds:.0f} s"))


def _usable_engine() -> str | None:
    """The engine that is used without an installation, described; None when there is none."""
    from runctl_auto.engine.choice import choose_engine
    from runctl_auto.errors import EngineNotFoundError

    try:
        engine = choose_engine(None, os.environ, minimum=_required_sdk())
    except EngineNotFoundError:
        if os.environ.get("RUNCTL_ENGINE"):
            raise
        return None
    return f"Pulumi {engine.version} in {engine.root} ({engine.why})"


def _required_sdk() -> str:
    """The version of the Python SDK that the checkout requires, installed or not."""
    text = (_CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'"pulumi==([\d.]+)"', text)
    if found is None:
        raise ValueError("pyproject.toml does not require a version of pulumi")
    return found[1]


def _interrupt_at(number: signal.Signals) -> None:
    """Makes ``number`` an interruption. SIGHUP stays ignored where it is (nohup); SIGINT does not, since
    shells ignore it for background processes."""
    if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
        return
    signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(f"engine: {text}\n")


def _error_text(what: str, where: dict[str, str], next_step: str | None) -> str:
    details = "".join(f"  {name}: {value}\n" for name, value in where.items())
    return f"engine: {what}\n{details}" + (f"  next: {next_step}\n" if next_step else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
