"""The engine under test, and stacks of toys on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine.broken_programs import collect_broken_programs
from support.engine.toy_provider import ToyProvider, served
from support.engine.toy_stack import ToyStack
from support.engine_root import engine_root


@pytest.fixture(scope="session")
def engine() -> Path:
    """Root folder of the engine."""
    return engine_root()


@pytest.fixture
def provider() -> ToyProvider:
    """The provider that is attached to ``stack``."""
    return ToyProvider()


@pytest.fixture
def stack(engine: Path, provider: ToyProvider, tmp_path: Path) -> Iterator[ToyStack]:
    """An empty stack of its own."""
    with served(provider) as port:
        made = ToyStack(engine, tmp_path / "project", port)
        made.prepare()
        yield made


@pytest.fixture
def broken_programs() -> Iterator[None]:
    """For tests whose programs fail in the Automation API."""
    yield
    collect_broken_programs()


@pytest.fixture(scope="module")
def module_stack(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyStack]:
    """An empty stack for all tests of a module, which only read what the module's own fixture does to it.

    The cloud holds ``outside-1``, which is not of this stack.
    """
    with served(ToyProvider(things={"outside-1": {}})) as port:
        made = ToyStack(engine, tmp_path_factory.mktemp("module") / "project", port)
        made.prepare()
        yield made
