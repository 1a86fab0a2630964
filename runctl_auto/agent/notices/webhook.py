"""A webhook: its address, which is a secret, and one delivery to it.

No text that is returned or raised here holds any part of the address.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.store.web import Web, is_local

TIMEOUT_SECONDS: Final = 5.0
MOST_ADDRESS: Final = 2048
SLACK_HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})


@dataclass(frozen=True)
class Delivery:
    """What a delivery came to: `sent`, `failed`, or `unknown` when it may have arrived. `may_repeat`: it did
    not arrive, and the same may succeed a moment later.
    """

    outcome: str
    why: str = ""
    may_repeat: bool = False


def checked_address(text: str) -> str:
    """The address. Raises ValueError, without any of it, unless it is https, or http on this machine."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > MOST_ADDRESS:
        raise ValueError("is no address of a webhook")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no address of a webhook") from None
    if not parts.hostname or port == 0:
        raise ValueError("is no address of a webhook")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(text)):
        raise ValueError("must be an https:// address; http:// is for this machine only")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password")
    return text


def shape_of(address: str, wanted: str) -> str:
    """`slack` or `json`: as `wanted`, or told by the host for `auto`."""
    if wanted != "auto":
        return wanted
    return "slack" if urlsplit(address).hostname in SLACK_HOSTS else "json"


@dataclass(frozen=True)
class Webhook:
    """Posts notices to one address. `shape` is one of `contract.FORMATS`."""

    web: Web
    address: str
    shape: str = "auto"
    timeout: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notice) -> Delivery:
        """One attempt. A redirect is not followed: it would tell the notice to somebody else."""
        body = notice.body(shape_of(self.address, self.shape))
        headers = {"content-type": "application/json", "user-agent": "runctl"}
        try:
            with self.web.send("POST", self.address, headers, body, self.timeout) as answer:
                return _told(answer.status)
        except UnreachableError as error:
            return _unanswered(error.__cause__)
        except ValueError:
            return Delivery(Sent.FAILED, "its address is not one that can be asked")


def _told(status: int) -> Delivery:
    if 200 <= status < 300:
        return Delivery(Sent.SENT)
    if 300 <= status < 400:
        return Delivery(Sent.FAILED, f"it redirects (HTTP {status}), which is not followed")
    return Delivery(Sent.FAILED, f"HTTP {status}", may_repeat=status >= 500 or status in (408, 429))


def _unanswered(cause: BaseException | None) -> Delivery:
    """The texts of the causes may hold the address: they are told by their kind."""
    was_sent = not isinstance(cause, urllib.error.URLError)
    reason = cause.reason if isinstance(cause, urllib.error.URLError) else cause
    if was_sent and not isinstance(reason, http.client.InvalidURL):
        late = isinstance(reason, (TimeoutError, socket.timeout))
        return Delivery(
            Sent.UNKNOWN, "no answer in time" if late else "the connection broke before the answer"
        )
    if isinstance(reason, (TimeoutError, socket.timeout)):
        return Delivery(Sent.FAILED, "no connection in time", may_repeat=True)
    if isinstance(reason, ConnectionRefusedError):
        return Delivery(Sent.FAILED, "nobody listens at its address", may_repeat=True)
    if isinstance(reason, socket.gaierror):
        return Delivery(Sent.FAILED, "its host has no address", may_repeat=True)
    if isinstance(reason, ssl.SSLError):
        return Delivery(Sent.FAILED, "its certificate is not trusted, or it speaks no TLS")
    return Delivery(Sent.FAILED, "it cannot be reached", may_repeat=True)


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return is_local(address) and not host.startswith(("169.254.", "fe80:"))
