"""Engine connections: each has its own configuration, cancellation and work in progress."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.aws.provider.cancellation import Cancellation, CancelledError, Clock
from sandbox.aws.provider.configuration import Configuration, ConfigurationError

_KEPT = 1024


class Session:
    """One connection: the engine opens one per provider resource and configures it once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight: set[Cancellation] = set()
        self._cancelled = False
        self._settings: tuple[Configuration, str | None] | None = None

    def configure(self, configuration: Configuration, account: str | None) -> None:
        """Apply the configuration. Raises ConfigurationError when a different one is already in effect."""
        with self._lock:
            if self._settings not in (None, (configuration, account)):
                raise ConfigurationError(
                    "two provider resources arrive on one connection: the engine must open one of its own "
                    "for each (in Python's gRPC: option grpc.use_local_subchannel_pool)"
                )
            self._settings = (configuration, account)

    @property
    def settings(self) -> tuple[Configuration, str | None]:
        """Configuration and account. Raises ConfigurationError before the connection is configured."""
        if self._settings is None:
            raise ConfigurationError(
                "this connection is not configured: the provider was started anew while the command ran; "
                "run the command again"
            )
        return self._settings

    @property
    def cancelled(self) -> bool:
        """Whether the engine has cancelled this connection."""
        return self._cancelled

    @contextmanager
    def work(self) -> Iterator[Cancellation]:
        """Run an operation that ends with the connection. Raises CancelledError when that is cancelled."""
        piece = Cancellation(self._clock)
        with self._lock:
            if self._cancelled:
                raise CancelledError("the operation was cancelled")
            self._in_flight.add(piece)
        try:
            yield piece
        finally:
            with self._lock:
                self._in_flight.discard(piece)

    def cancel(self) -> None:
        """Cancel all work in progress and reject new work; never blocks."""
        with self._lock:
            self._cancelled = True
            pieces = tuple(self._in_flight)
        for piece in pieces:
            piece.cancel()


class Sessions:
    """The sessions by peer address; the least recently used are evicted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_peer: OrderedDict[str, Session] = OrderedDict()

    def begin(self, peer: str) -> Session:
        """The session of a new connection, identified by its peer address only.

        An active session is kept: if the address was that of an engine that died, the new engine's
        configuration decides; if two provider resources share a connection, the conflict must be reported.
        """
        session = self.of(peer)
        return self._open(peer) if session.cancelled else session

    def of(self, peer: str) -> Session:
        """The session of a connection."""
        with self._lock:
            if peer in self._by_peer:
                self._by_peer.move_to_end(peer)
                return self._by_peer[peer]
        return self._open(peer)

    def _open(self, peer: str) -> Session:
        with self._lock:
            session = self._by_peer[peer] = Session(self._clock)
            self._by_peer.move_to_end(peer)
            if len(self._by_peer) > _KEPT:
                self._by_peer.popitem(last=False)
            return session
