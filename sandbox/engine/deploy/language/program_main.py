"""Runs a Pulumi program in a process of its own. Started by path, with settings as a JSON text.

Nothing of the engine is imported here: the interpreter is the program's.
"""

from __future__ import annotations

import sys

ERROR_WAS_SHOWN = 32
"""Exit code of a program whose error people have seen already."""

_MONITOR_GONE = "Resource monitor has terminated"
_MISSING_SDK = (
    "\nIt looks like the Pulumi SDK has not been installed. Have you run pip install?\n"
    "If you are running in a virtualenv, you must run pip install -r requirements.txt from inside "
    "the virtualenv."
)


def _traceback(folder: str) -> str:
    """The current exception's traceback, from the first frame of the program on."""
    import traceback

    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if frame.filename.startswith(folder):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def _end_with_the_engine(lifeline: int) -> None:
    """Ends this process when the pipe's other end is closed, which the engine holds."""
    import os
    import threading

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    os.set_inheritable(lifeline, False)
    threading.Thread(target=wait, daemon=True).start()


def _run_program(program: str) -> None:
    import runpy
    from pathlib import Path

    import pulumi

    path = Path(program).absolute()
    if path.is_dir() and not (path / "__main__.py").exists():
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{path}`")
        sys.exit(ERROR_WAS_SHOWN)
    runpy.run_path(program, run_name="__main__")


def main(text: str) -> int:
    """Runs the program that the settings name; the exit code."""
    import json

    # The folder of this file is on the path because it was started by path; the program's must be instead.
    sys.path.pop(0)
    settings = json.loads(text)
    _end_with_the_engine(settings.pop("lifeline"))
    try:
        import pulumi
        import pulumi.runtime
    except ImportError:
        import traceback

        sys.stderr.write(traceback.format_exc() + _MISSING_SDK + "\n")
        return 1
    return _run(settings, pulumi)


def _run(settings: dict, pulumi: object) -> int:  # type: ignore[type-arg]
    import asyncio
    import logging
    import os
    from concurrent.futures import ThreadPoolExecutor

    runtime = pulumi.runtime  # type: ignore[attr-defined]
    log = pulumi.log  # type: ignore[attr-defined]
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    program = settings.pop("program")
    runtime.configure(runtime.Settings(**settings))
    sys.argv = [program]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * 4)
    loop.set_default_executor(workers)
    # A program that fails leaves futures behind unobserved; their complaints help nobody.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    code = 1
    try:
        loop.run_until_complete(runtime.run_in_stack(lambda: _run_program(program)))
        code = 0
    except pulumi.RunError as error:  # type: ignore[attr-defined]
        if _MONITOR_GONE in str(error):
            return code  # the engine has ended the operation, and told why
        log.error(str(error))  # noqa: TRY400 - no logger: the engine shows it
    except Exception:
        shown = _traceback(os.path.abspath(os.curdir))  # noqa: PTH100
        log.error(f"Program failed with an unhandled exception:\n{shown}")  # noqa: TRY400
        code = ERROR_WAS_SHOWN
    finally:
        workers.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
