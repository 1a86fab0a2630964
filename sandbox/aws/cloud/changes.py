"""A version number that increases with every change of the cloud, and waiting for an increase."""

import threading


class Changes:
    """Counts changes. Thread-safe; holds no other lock while waiting."""

    def __init__(self) -> None:
        self._version = 1
        self._grown = threading.Condition()

    @property
    def version(self) -> int:
        return self._version

    def bump(self) -> None:
        """Record a change and wake all waiters."""
        with self._grown:
            self._version += 1
            self._grown.notify_all()

    def wait(self, known: int, timeout: float) -> int:
        """Block until the version differs from `known`, at most `timeout` seconds; return the version.

        A `known` version above the current one comes from an earlier cloud: returns at once.
        """
        with self._grown:
            self._grown.wait_for(lambda: self._version != known, timeout)
            return self._version
