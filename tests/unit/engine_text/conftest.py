"""What displays are told."""

import pytest

from sandbox.engine.display.options import DisplayOptions


@pytest.fixture
def display_options() -> DisplayOptions:
    return DisplayOptions()
