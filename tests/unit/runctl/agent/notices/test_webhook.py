"""Webhooks: which addresses, what each answer means, and that nothing told holds the address."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import urllib.error
from unittest import mock

import pytest

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.webhook import Delivery, Webhook, checked_address, shape_of
from runctl_auto.agent.store.web import Response, Web

SECRET = "https://hooks.slack.com/services/T0/B0/planted-value"
NOTICE = Notice("end", "ended", "digits: training succeeded", "2026-11-30T12:00:00Z")


@pytest.mark.parametrize(
    "address",
    [SECRET, "https://example.com:8443/x?y=z", "http://127.0.0.1:9/x", "http://localhost/", "http://[::1]/"],
)
def test_addresses_that_notices_are_sent_to(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/planted-value",
        "http://169.254.169.254/planted-value",
        "http://10.0.0.1/planted-value",
        "ftp://example.com/planted-value",
        "file:///etc/planted-value",
        "https://user:planted-value@example.com/",
        "https:///planted-value",
        "https://example.com:99999/planted-value",
        "https://[planted-value",
        "https://example.com/planted-value\r\nx: y",
        "https://exämple.com/planted-value",
        "planted-value",
        "https://example.com/" + "planted-value" * 1000,
        "",
    ],
)
def test_addresses_that_are_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        checked_address(address)
    assert "planted-value" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_shape_follows_the_host_unless_it_is_said() -> None:
    assert shape_of(SECRET, "auto") == "slack"
    assert shape_of("https://slack.example/x", "auto") == "json"
    assert shape_of("https://mattermost.example/hooks/x", "slack") == "slack"
    assert shape_of(SECRET, "json") == "json"


def delivered(answer: int | BaseException) -> Delivery:
    web = mock.create_autospec(Web, instance=True)
    if isinstance(answer, int):
        web.send.return_value = Response(answer, {"location": "https://elsewhere.example"}, io.BytesIO())
    else:
        error = UnreachableError(f"POST {SECRET}: {answer}")
        error.__cause__ = answer
        web.send.side_effect = error
    found = Webhook(web, SECRET).deliver(NOTICE)
    assert web.send.call_count == 1, "one attempt, no redirect followed"
    assert "planted-value" not in found.why
    return found


@pytest.mark.parametrize(
    ("answer", "outcome", "may_repeat"),
    [
        (200, Sent.SENT, False),
        (204, Sent.SENT, False),
        (301, Sent.FAILED, False),
        (307, Sent.FAILED, False),
        (400, Sent.FAILED, False),
        (404, Sent.FAILED, False),
        (410, Sent.FAILED, False),
        (408, Sent.FAILED, True),
        (429, Sent.FAILED, True),
        (500, Sent.FAILED, True),
        (503, Sent.FAILED, True),
        (urllib.error.URLError(ConnectionRefusedError(111, SECRET)), Sent.FAILED, True),
        (urllib.error.URLError(socket.gaierror(-2, SECRET)), Sent.FAILED, True),
        (urllib.error.URLError(TimeoutError(SECRET)), Sent.FAILED, True),
        (urllib.error.URLError(ssl.SSLCertVerificationError(SECRET)), Sent.FAILED, False),
        (urllib.error.URLError(OSError(113, SECRET)), Sent.FAILED, True),
        (http.client.InvalidURL(SECRET), Sent.FAILED, True),
        (TimeoutError(SECRET), Sent.UNKNOWN, False),
        (ConnectionResetError(SECRET), Sent.UNKNOWN, False),
        (http.client.RemoteDisconnected(SECRET), Sent.UNKNOWN, False),
    ],
)
def test_what_each_answer_means(answer: int | BaseException, outcome: str, may_repeat: bool) -> None:
    """Unknown: the notice was on its way, and sending it again could tell it twice."""
    found = delivered(answer)
    assert (found.outcome, found.may_repeat) == (outcome, may_repeat)
    assert bool(found.why) == (outcome != Sent.SENT)
