"""Sending: few attempts, one channel's failure is not another's, and nothing waits for it."""

from __future__ import annotations

import threading
from unittest import mock

from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Event, Sent
from runctl_auto.agent.notices.notice_sender import ATTEMPTS, NoticeQueue, SendOnce
from runctl_auto.agent.notices.webhook import Delivery, Webhook

NOTICE = Notice(Event.END, "ended", "digits: training succeeded", "2026-11-30T12:00:00Z")
AGAIN = Delivery(Sent.FAILED, "HTTP 500", may_repeat=True)


class World:
    def __init__(self, **answers: list[Delivery]) -> None:
        self.store = MemoryStore()
        self.said: list[str] = []
        self.waits: list[float] = []
        self.channels = {name: mock.create_autospec(Webhook, instance=True) for name in answers}
        for name, told in answers.items():
            self.channels[name].deliver.side_effect = told
        self.sender = SendOnce(lambda: self.channels, "a test", self.said.append, wait=self.waits.append)

    def send(self) -> None:
        self.sender.send(NOTICE, self.store, "n/")

    def outcome(self, channel: str, number: int = 1) -> tuple[str, str]:
        import json

        found = json.loads(self.store.objects[f"n/{channel}/ended/{number}.json"])
        return found["outcome"], found["why"]


def test_a_failure_that_may_pass_is_tried_again_a_few_times() -> None:
    world = World(webhook=[AGAIN, Delivery(Sent.SENT)])
    world.send()
    assert world.outcome("webhook") == (Sent.SENT, "")
    assert (world.said, world.waits) == ([], [1.0])
    gone = World(webhook=[AGAIN] * 10)
    gone.send()
    assert gone.outcome("webhook") == (Sent.FAILED, "HTTP 500 (3 attempts)")
    assert gone.said == ["notify: end by webhook: HTTP 500 (3 attempts)"]
    assert gone.channels["webhook"].deliver.call_count == ATTEMPTS == 3
    assert gone.waits == [1.0, 4.0]


def test_what_may_have_arrived_is_tried_once() -> None:
    world = World(webhook=[Delivery(Sent.UNKNOWN, "no answer in time")])
    world.send()
    assert world.outcome("webhook") == (Sent.UNKNOWN, "no answer in time")


def test_one_channel_does_not_fail_for_another() -> None:
    world = World(webhook=[RuntimeError("a bug")], command=[Delivery(Sent.SENT)])  # type: ignore[list-item]
    world.send()
    assert world.outcome("command") == (Sent.SENT, "")
    assert len(world.said) == 1


def test_without_a_mark_nothing_is_sent() -> None:
    world = World(webhook=[Delivery(Sent.SENT)])
    world.store.fail_on("webhook", times=10)
    world.send()
    assert not world.channels["webhook"].deliver.called
    assert "is not sent or not recorded" in world.said[0]


def test_channels_that_cannot_be_made_are_said() -> None:
    said: list[str] = []
    channels = mock.Mock(spec=lambda: None, side_effect=AgentError("no such parameter"))
    SendOnce(channels, "a test", said.append).send(NOTICE, MemoryStore(), "n/")
    assert said == ["notify: end is not sent: no such parameter"]


def test_nobody_waits_for_a_delivery_that_hangs() -> None:
    waiting, hung, done = NoticeQueue(), threading.Event(), threading.Event()
    assert waiting.drain(0), "nothing was ever added, and no thread begun"
    assert waiting.add(hung.wait)
    assert waiting.add(done.set)
    assert not waiting.drain(0)
    hung.set()
    assert waiting.drain(60)
    assert done.is_set()


def test_too_many_that_wait_are_refused() -> None:
    waiting, hung = NoticeQueue(), threading.Event()
    assert all(waiting.add(hung.wait) for _ in range(100))
    refused = [waiting.add(hung.wait) for _ in range(3)]
    assert False in refused
    hung.set()
    assert waiting.drain(60)


def test_a_delivery_that_raises_does_not_end_the_thread() -> None:
    waiting, done = NoticeQueue(), threading.Event()
    world = World(webhook=[Delivery(Sent.SENT)])
    waiting.add(world.send)
    waiting.add(done.set)
    assert waiting.drain(60)
    assert done.is_set()
