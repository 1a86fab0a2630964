"""Where the agents of a run meet: node 0 listens and writes its address to the job's bucket."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable

from runctl_auto.agent.contract import MOST_SEQUENCE, MOST_STATUS_BYTES, TERMINAL_PHASES, Reason
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import status_key
from runctl_auto.agent.nodes.address import MOST_ADDRESS_BYTES, AddressJson, address_key
from runctl_auto.agent.nodes.member import Meeting
from runctl_auto.agent.status import Outcome, rfc3339
from runctl_auto.agent.status_reading import read_status
from runctl_auto.agent.store.store import ReadableStore, Store
from runctl_auto.agent.untrusted import UnreadableError, matching, read_object, whole

_ADDRESS = matching(r"[0-9A-Fa-f.:]{2,45}")
_KEY = matching(r"[0-9a-f]{64}")
LOCAL_ADDRESS = "meta-data/local-ipv4"


def own_address(get: Callable[[str], str | None]) -> str:
    """This machine's address in its network. Raises AgentError when the cloud tells none."""
    found = (get(LOCAL_ADDRESS) or "").strip()
    try:
        return _ADDRESS(found)
    except UnreadableError:
        raise AgentError(f"the machine's address is {found[:60]!r}, which is none") from None


def listen(address: str) -> socket.socket:
    """Listens on the machine's own address, on a port that is free. Raises AgentError."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.bind((address, 0))
        found.listen(64)
    except OSError as error:
        found.close()
        raise AgentError(f"node 0 cannot listen at {address}: {error}") from error
    return found


def announce(
    store: Store, run: str, listener: socket.socket, *, instance: str, attempt: int, now: float
) -> Meeting:
    """Writes where the listener is, with a new secret, in place of what an earlier node 0 wrote."""
    address, port = listener.getsockname()[:2]
    key = secrets.token_bytes(32)
    content: AddressJson = {
        "instance": instance,
        "attempt": attempt,
        "address": address,
        "port": port,
        "key": key.hex(),
        "at": rfc3339(now),
    }
    store.put(address_key(run), json.dumps(content).encode(), content_type="application/json")
    return Meeting(address, port, key)


def find_meeting(store: ReadableStore, run: str, attempt: int) -> Meeting | None:
    """Where node 0 listens; None while it has not written it, or what is there cannot be read."""
    try:
        content = store.find(address_key(run), MOST_ADDRESS_BYTES)
        if content is None:
            return None
        found = read_object(content, MOST_ADDRESS_BYTES)
        if found.needed("attempt", whole(1, MOST_SEQUENCE)) != attempt:
            return None
        return Meeting(
            found.needed("address", _ADDRESS),
            found.needed("port", whole(1, 65535)),
            bytes.fromhex(found.needed("key", _KEY)),
        )
    except (UnreadableError, IntegrityError):
        return None


def how_it_ended(store: ReadableStore, run: str) -> Outcome | None:
    """How the run has ended, as node 0 wrote it; None when it has not."""
    try:
        content = store.find(status_key(run), MOST_STATUS_BYTES)
        status = None if content is None else read_status(content, run)
    except (UnreadableError, IntegrityError):
        return None
    if status is None or status["phase"] not in TERMINAL_PHASES:
        return None
    return Outcome(
        status["phase"], status["reason"] or Reason.COMPLETED, status["exit_code"], status["message"]
    )
