"""Where the nodes of a run meet: an object in the job's bucket."""

from __future__ import annotations

from typing import Final, TypedDict

from runctl_auto.agent.keys import run_prefix

MOST_ADDRESS_BYTES: Final = 4096


def address_key(run: str) -> str:
    """The key of where the nodes of a run meet, an ``AddressJson``: the agent of node 0 writes it."""
    return f"{run_prefix(run)}nodes/0/address.json"


class AddressJson(TypedDict):
    """``address.json``: where the agent of node 0 listens for the others. ``attempt`` is the run's, ``key``
    a secret in hex that tells the run's own agents from strangers; ``at`` is an RFC 3339 time.
    """

    instance: str
    attempt: int
    address: str
    port: int
    key: str
    at: str
