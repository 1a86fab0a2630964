"""Small programs of toys, for an inline language runtime."""

from __future__ import annotations

import pulumi
from support.engine.toy_resources import Group, Provider, Thing

Options = pulumi.ResourceOptions


def chain() -> None:
    """Three things, each made of the one before it."""
    first = Thing("a", value=1)
    second = Thing("b", ref=first.out)
    Thing("c", ref=second.out)


def protected() -> None:
    """``keep`` is protected. It needs ``base``, has a parent and an explicit provider, and ``user`` needs it;
    ``other`` and ``last`` have nothing to do with it."""
    explicit = Provider("own")
    group = Group("group")
    base = Thing("base", Options(provider=explicit))
    keep = Thing("keep", Options(protect=True, parent=group, provider=explicit), ref=base.out)
    Thing("user", ref=keep.out)
    other = Thing("other", Options(parent=group))
    Thing("last", ref=other.out)


def nothing() -> None:
    """No resource at all."""
