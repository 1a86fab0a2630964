"""Connections of engines: each has its own configuration, its own cancellation and its own work in flight."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.aws.provider.cancellation import Cancellation, CancelledError, Clock
from sandbox.aws.provider.configuration import Configuration, ConfigurationError

_KEPT = 1024


class Session:
    """One connection: the engine opens one for each provider resource and configures it once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight: set[Cancellation] = set()
        self._cancelled = False
        self._settings: tuple[Configuration, str | None] | None = None

    def configure(self, configuration: Configuration, account: str | None) -> None:
        """Put the configuration in force. Raises ConfigurationError when another one is in force already."""
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
        """Whether the engine has ended this connection's work."""
        return self._cancelled

    @contextmanager
    def work(self) -> Iterator[Cancellation]:
        """A piece of work that ends with the connection. Raises CancelledError when that is cancelled."""
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
        """End all work in flight and accept no more; never blocks."""
        with self._lock:
            self._cancelled = True
            pieces = tuple(self._in_flight)
        for piece in pieces:
            piece.cancel()


class Sessions:
    """The sessions by the address that the connection comes from; the least used are forgotten at last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_peer: OrderedDict[str, Session] = OrderedDict()

    def begin(self, peer: str) -> Session:
        """The session of a connection that has just begun, as far as its address tells.

        A session in force is kept: if the address is that of an engine that died, the new one's configuration
        decides; if two provider resources share a connection, that must not pass unseen.
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
