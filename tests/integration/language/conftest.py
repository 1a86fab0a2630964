"""Both ways of running programs."""

from __future__ import annotations

import pytest
from support.language_hosts import WARM_MODULES


@pytest.fixture(params=["anew", "warm"])
def modules(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The modules that a host imports beforehand; none has it start every program anew."""
    return WARM_MODULES if request.param == "warm" else ()
