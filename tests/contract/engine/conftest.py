"""The engine under test, and stacks of toys on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine.toy_provider import ToyProvider, served
from support.engine.toy_stack import ToyStack
from support.engine_root import engine_root


@pytest.fixture(scope="session")
def engine() -> Path:
    """Root folder of the engine."""
    return engine_root()


@pytest.fixture(scope="session")
def empty_stack(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> ToyStack:
    """A stack that was just made, to be copied; no provider is attached."""
    made = ToyStack(engine, tmp_path_factory.mktemp("empty") / "project", provider_port=0)
    made.prepare()
    return made


@pytest.fixture
def provider() -> ToyProvider:
    """The provider that is attached to ``stack``."""
    return ToyProvider()


@pytest.fixture
def stack(engine: Path, empty_stack: ToyStack, provider: ToyProvider, tmp_path: Path) -> Iterator[ToyStack]:
    """An empty stack of its own."""
    with served(provider) as port:
        shutil.copytree(empty_stack.folder, tmp_path / "project")
        yield ToyStack(engine, tmp_path / "project", port)


@pytest.fixture(scope="module")
def module_stack(
    engine: Path, empty_stack: ToyStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ToyStack]:
    """An empty stack for all tests of a module, which only read what the module's own fixture does to it.

    The cloud holds ``outside-1``, which is not of this stack.
    """
    with served(ToyProvider(things={"outside-1": {}})) as port:
        folder = tmp_path_factory.mktemp("module") / "project"
        shutil.copytree(empty_stack.folder, folder)
        yield ToyStack(engine, folder, port)
