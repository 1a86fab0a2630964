"""The emulated account, for tests of what a provider's cloud answers."""

from support.emulated_account import account

__all__ = ["account"]
