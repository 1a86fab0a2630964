"""What the state holds of a replacement that did not come to its end."""

from __future__ import annotations

import pulumi
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import Program, ToyStack

from runctl_auto.stack.state import parse_state


def with_key(key: str, *, delete_first: bool = False) -> Program:
    """A program with one thing, which another ``key`` replaces."""
    return lambda: Thing("a", pulumi.ResourceOptions(delete_before_replace=delete_first), key=key)


def test_an_old_copy_that_could_not_be_deleted(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/stack/state.py` (``delete``, ``in_cloud``): it waits in the state under the same URN for
    the next update."""
    stack.up(with_key("one"))
    provider.refuse = {("delete", "a")}
    assert stack.operate("up", with_key("other")).code == 1
    copies = [(each.id, each.delete) for each in parse_state(stack.deployment()).in_cloud()]
    assert copies == [("a-2", False), ("a-1", True)]
    provider.refuse = set()
    stack.up(with_key("other"))
    assert list(provider.things) == ["a-2"]
    assert stack.names() == ["a"]


def test_a_copy_that_was_deleted_and_could_not_be_made_again(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/stack/state.py` (``in_cloud``): the state goes on naming what is deleted, marked
    ``pendingReplacement``. A refresh or an update ends that; a teardown makes no call for it."""
    stack.up(with_key("one"))
    provider.refuse = {("create", "a")}
    assert stack.operate("up", with_key("other", delete_first=True)).code == 1
    assert provider.things == {}
    left = stack.resource("a")
    assert (left["id"], left["pendingReplacement"]) == ("a-1", True)
    assert "delete" not in left
    assert stack.pending() == []
    deletions = len(provider.called("delete"))
    assert stack.operate("destroy", None).code == 0
    assert stack.names() == []
    assert len(provider.called("delete")) == deletions
