from __future__ import annotations

import pytest
from support.agent_stand_ins import Clock, MemoryBucket


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []
