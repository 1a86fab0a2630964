"""A version number that grows with every change of the cloud, and waiting for it to grow."""

import threading


class Changes:
    """Counts changes; safe to use from any thread, holds no other lock while it waits."""

    def __init__(self) -> None:
        self._version = 1
        self._grown = threading.Condition()

    @property
    def version(self) -> int:
        return self._version

    def bump(self) -> None:
        """Say that something changed; wakes everyone who waits."""
        with self._grown:
            self._version += 1
            self._grown.notify_all()

    def wait(self, known: int, timeout: float) -> int:
        """Block until the version differs from `known`, at most `timeout` seconds; the version then.

        A version above the cloud's own comes from an earlier cloud and returns at once.
        """
        with self._grown:
            self._grown.wait_for(lambda: self._version != known, timeout)
            return self._version
