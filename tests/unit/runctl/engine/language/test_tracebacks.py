from __future__ import annotations

from runctl_auto.engine.language.program import traceback_from


def _error(text: str, file: str) -> BaseException:
    try:
        exec(compile(text, file, "exec"), {})
    except Exception as error:
        return error
    raise AssertionError("the program has to fail")


def test_begins_with_the_first_frame_of_the_program() -> None:
    shown = traceback_from("/p/__main__.py", _error("def f():\n  raise KeyError(1)\nf()", "/p/__main__.py"))
    assert [line.strip() for line in shown.splitlines() if "File" in line] == [
        'File "/p/__main__.py", line 3, in <module>',
        'File "/p/__main__.py", line 2, in f',
    ]
    assert shown.endswith("KeyError: 1\n")


def test_has_no_frames_without_one_of_the_program() -> None:
    assert traceback_from("/p/__main__.py", _error("1 / 0", "/elsewhere.py")) == (
        "ZeroDivisionError: division by zero\n"
    )


def test_shows_the_cause() -> None:
    text = "try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  raise ValueError('outer') from e\n"
    shown = traceback_from("/p/__main__.py", _error(text, "/p/__main__.py"))
    assert shown.index("ZeroDivisionError") < shown.index("direct cause") < shown.index("ValueError: outer")
