"""The emulated account, for tests of searches and removals."""

from support.emulated_account import account

__all__ = ["account"]
