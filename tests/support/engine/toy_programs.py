"""Small programs with toy resources, for an inline language runtime."""

from __future__ import annotations

import pulumi
from support.engine.toy_resources import Group, Provider, Thing

Options = pulumi.ResourceOptions


def chain() -> None:
    """Three resources, each depending on the previous one."""
    first = Thing("a", value=1)
    second = Thing("b", ref=first.out)
    Thing("c", ref=second.out)


def protected() -> None:
    """``keep`` is protected. It depends on ``base``, has a parent and an explicit provider, and ``user``
    depends on it; ``other`` and ``last`` are unrelated."""
    explicit = Provider("own")
    group = Group("group")
    base = Thing("base", Options(provider=explicit))
    keep = Thing("keep", Options(protect=True, parent=group, provider=explicit), ref=base.out)
    Thing("user", ref=keep.out)
    other = Thing("other", Options(parent=group))
    Thing("last", ref=other.out)


def nothing() -> None:
    """No resources."""
