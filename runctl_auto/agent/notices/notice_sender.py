"""Sends notices beside everything else: in a thread of its own, with few attempts, and never twice."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final, Protocol

from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.notice_marks import MarkPlace, claim
from runctl_auto.agent.notices.webhook import Delivery

ATTEMPTS: Final = 3
WAITS_SECONDS: Final = (1.0, 4.0)
MOST_WAITING: Final = 100


class Channel(Protocol):
    """A way to tell people. `deliver` raises nothing that is expected."""

    def deliver(self, notice: Notice) -> Delivery: ...


OpenChannels = Callable[[], Mapping[str, Channel]]
"""Makes the channels by their names; called once, before the first notice, and may block."""


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class SendOnce:
    """Sends a notice by every channel by which nobody has sent it. `place` and `prefix` are where the marks
    of the notice are; `by` is who sends, for people. `say` tells what failed.
    """

    channels: OpenChannels
    by: str
    say: Callable[[str], None]
    wait: Callable[[float], object] = time.sleep
    now: Callable[[], str] = _now

    def send(self, notice: Notice, place: MarkPlace, prefix: str) -> None:
        """Blocks for the delivery. What goes wrong is said and recorded; nothing is raised."""
        try:
            channels = self.channels()
        except Exception as error:
            self.say(f"notify: {notice.event} is not sent: {error}")
            return
        for name, channel in channels.items():
            try:
                self._send_by(name, channel, notice, place, prefix)
            except Exception as error:  # without its mark nothing may be sent, and a notice ends nothing
                self.say(f"notify: {notice.event} by {name} is not sent or not recorded: {error}")

    def _send_by(self, name: str, channel: Channel, notice: Notice, place: MarkPlace, prefix: str) -> None:
        mark = claim(place, prefix, name, notice.key, by=self.by, at=self.now())
        if mark is None:
            return
        found = self._delivered(channel, notice)
        if found.outcome != Sent.SENT:
            self.say(f"notify: {notice.event} by {name}: {found.why}")
        mark.record(found)

    def _delivered(self, channel: Channel, notice: Notice) -> Delivery:
        for attempt in range(ATTEMPTS):
            found = channel.deliver(notice)
            if not found.may_repeat or attempt == ATTEMPTS - 1:
                break
            self.wait(WAITS_SECONDS[attempt])
        return Delivery(found.outcome, f"{found.why} ({ATTEMPTS} attempts)") if found.may_repeat else found


class NoticeQueue:
    """Notices that wait for their delivery. Its thread begins with the first and holds nothing up: a process
    ends without waiting for it, but for what `drain` is given.
    """

    def __init__(self) -> None:
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._idle = threading.Condition()
        self._open = 0

    def add(self, send: Callable[[], None]) -> bool:
        """Returns at once; False when too many wait already."""
        with self._idle:
            try:
                self._waiting.put_nowait(send)
            except queue.Full:
                return False
            self._open += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="notices", daemon=True)
                self._thread.start()
        return True

    def drain(self, seconds: float) -> bool:
        """Blocks until all is delivered or given up, at most `seconds`; whether it is."""
        with self._idle:
            return self._idle.wait_for(lambda: self._open == 0, timeout=max(0.0, seconds))

    def _work(self) -> None:
        while True:
            send = self._waiting.get()
            try:
                send()
            finally:
                with self._idle:
                    self._open -= 1
                    self._idle.notify_all()
