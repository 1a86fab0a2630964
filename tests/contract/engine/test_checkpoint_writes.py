"""How and how often an engine writes a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.engine.file_watch import FileWatch, watched
from support.engine.toy_programs import chain
from support.engine.toy_stack import STACK, ToyStack

TEMPORARY = re.compile(rf"{STACK}\.json(?P<backup>\.bak)?\.[0-9a-f]+\.tmp")
STEPS_OF_CHAIN = 5
"""The stack, the default provider and three things."""


@pytest.fixture
def watch(stack: ToyStack) -> Iterator[FileWatch]:
    with watched(stack.checkpoint.parent) as opened:
        yield opened


def writes(watch: FileWatch) -> int:
    """How often the checkpoint took its name since the last call."""
    return watch.events().count(("renamed", f"{STACK}.json"))


def test_a_write_is_a_backup_then_a_temporary_file_then_a_rename(stack: ToyStack, watch: FileWatch) -> None:
    """`runctl_auto/backend/backend.py` reads beside a working engine: the file is whole at any time.
    `tests/support/checkpoint_writes.py` numbers the writes by these names."""
    stack.up(chain)
    seen = [(what, name) for what, name in watch.events() if not name.endswith(".attrs")]
    shapes = []
    for what, name in seen:
        temporary = TEMPORARY.fullmatch(name)
        shapes.append((what, f"{STACK}.json{temporary['backup'] or ''}.HEX.tmp" if temporary else name))
    one_write = [
        ("created", f"{STACK}.json.bak.HEX.tmp"),
        ("renamed", f"{STACK}.json.bak"),
        ("created", f"{STACK}.json.HEX.tmp"),
        ("renamed", f"{STACK}.json"),
    ]
    assert shapes == one_write * (len(shapes) // 4)
    assert shapes


def test_each_step_is_written_when_it_begins_and_when_it_has_ended(stack: ToyStack, watch: FileWatch) -> None:
    """`runctl_auto/jobs/recovery.py`: what a killed engine was doing is in the file. The last write of an
    update is one for the whole; `tests/e2e/test_crash_matrix.py` numbers the writes."""
    stack.up(chain)
    assert writes(watch) == 2 * STEPS_OF_CHAIN + 1
    stack.up(chain)
    assert writes(watch) == 1
    stack.operate("refresh", None)
    assert writes(watch) >= 1
    stack.operate("preview", chain)
    assert writes(watch) == 0
