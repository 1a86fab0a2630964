"""Runs a Pulumi program in this process, and says how it failed."""

from __future__ import annotations

import asyncio
import logging
import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .outcome import ERROR_SHOWN

_ENGINE_GONE = "Resource monitor has terminated"
_SDK_MISSING = """
The Pulumi SDK is not installed for {python}.
Install it there (pip install pulumi), or choose another Python: PULUMI_PYTHON_CMD, or the option
`virtualenv` of the runtime in Pulumi.yaml.
"""


def run_program(program: str, arguments: Sequence[str], settings: Mapping[str, Any]) -> int:
    """Runs the program at the path ``program`` with ``arguments``; the exit code. Lets SystemExit pass.

    ``settings`` are the arguments of ``pulumi.runtime.Settings``. What fails is reported to the engine: an
    exception with its traceback from the program's first frame on, a RunError as its sentence.
    """
    try:
        import pulumi
        import pulumi.runtime
    except ImportError:
        sys.stderr.write(traceback.format_exc() + _SDK_MISSING.format(python=sys.executable))
        return 1
    path = Path(program).absolute()
    runtime = pulumi.runtime
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    runtime.configure(runtime.Settings(**settings))
    main_file = path / "__main__.py" if path.is_dir() else path
    if not main_file.exists():
        pulumi.log.error(f"The program {main_file} does not exist.")
        return ERROR_SHOWN
    sys.argv = [program, *arguments]
    if not path.is_dir():
        sys.path.insert(0, str(path.parent))  # run_path does so for folders only
    with _event_loop(settings["parallel"]) as loop:
        try:
            loop.run_until_complete(runtime.run_in_stack(lambda: _execute(path)))
        except pulumi.RunError as error:
            if _ENGINE_GONE not in str(error):  # then the engine has ended the operation, and said why
                pulumi.log.error(str(error))
            return ERROR_SHOWN
        except Exception as error:
            pulumi.log.error(
                f"Program failed with an unhandled exception:\n{traceback_from(str(main_file), error)}"
            )
            return ERROR_SHOWN
    return 0


def _execute(program: Path) -> None:
    """An absolute path, since Python 3.10 shows a relative folder's dots in the names of files."""
    runpy.run_path(str(program), run_name="__main__")


@contextmanager
def _event_loop(parallel: int) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop with enough threads: a registration blocks one until the engine has made the resource."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop.set_default_executor(workers)
    # A program that fails leaves futures that nobody awaits; asyncio's reports of them hide the error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        yield loop
    finally:
        workers.shutdown(wait=True)
        loop.close()


def traceback_from(main_file: str, error: BaseException) -> str:
    """The error as Python prints it, without the frames that lead to the first one of ``main_file``.

    Without any frame when there is none of that file, as for a syntax error in it.
    """
    frames = traceback.extract_tb(error.__traceback__)
    first = next((index for index, frame in enumerate(frames) if frame.filename == main_file), len(frames))
    if first == len(frames):
        return "".join(traceback.format_exception_only(type(error), error))
    return "".join(
        traceback.format_exception(type(error), error, error.__traceback__, limit=first - len(frames))
    )
