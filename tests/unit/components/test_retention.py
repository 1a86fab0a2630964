"""Options that leave resources behind are refused before anything is registered."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest
from support.declared import declarations_of

from components.retention import RetentionRefusedError, refuse_retention

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Thing(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Thing", name, {}, opts)


def program(*options: pulumi.ResourceOptions) -> Callable[[], None]:
    def run() -> None:
        refuse_retention()
        for index, each in enumerate(options):
            Thing(f"thing-{index}", each)

    return run


def test_ordinary_options_pass() -> None:
    given = pulumi.ResourceOptions(protect=True, retain_on_delete=False)
    assert len(declarations_of(program(given)).resources) == 1


@pytest.mark.parametrize("option", ["retain_on_delete", "deleted_with"])
def test_what_would_be_left_behind_is_refused_by_name(option: str) -> None:
    def run() -> None:
        refuse_retention()
        first = Thing("first")
        value = True if option == "retain_on_delete" else first
        Thing("second", pulumi.ResourceOptions(parent=first, **{option: value}))

    with pytest.raises(RetentionRefusedError, match=rf"second \(test:index:Thing\) has the option {option}"):
        declarations_of(run)
