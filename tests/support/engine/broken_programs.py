"""Cleans up inline programs whose engine stopped them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def broken_programs() -> Iterator[None]:
    """Collect programs that fail inside the context at its end, without warnings.

    The SDK leaves coroutines that raise when they are closed, whenever garbage collection happens to run.
    """
    try:
        yield
    finally:
        before, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            gc.collect()
        finally:
            sys.unraisablehook = before
