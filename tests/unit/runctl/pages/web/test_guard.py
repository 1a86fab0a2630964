"""Whom the dashboard serves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from support.asgi import Answer, ask

from runctl_auto.pages.web.guard import HEADERS, Guard, Names, host_name, is_loopback, new_token, own_names

TOKEN = "tOken-_1"
LAN = Names(loopback=False, names=own_names(["Box.example"]))


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"inside {scope['path']}")(scope, receive, send)


def asked(
    address: str = f"/{TOKEN}/", host: str = "127.0.0.1:8000", names: Names | None = None, **headers: str
) -> Answer:
    found = [("host", host), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return ask(Guard(page, TOKEN, names or Names()), address, found)


def test_who_has_the_address_sees_the_page_behind_it() -> None:
    found = asked(f"/{TOKEN}/job-digits")
    assert (found.status, found.text) == (200, "inside /job-digits")
    assert asked().text == "inside /"


@pytest.mark.parametrize(
    "address",
    ["/", "/x/", "", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "//", f"//{TOKEN}/", "/%F0%9F/"],
)
def test_nobody_else_does(address: str) -> None:
    found = asked(address)
    assert found.status == 404
    assert "inside" not in found.text
    assert TOKEN not in found.text


def test_the_address_without_its_last_slash_leads_to_the_one_with_it() -> None:
    found = asked(f"/{TOKEN}")
    assert (found.status, found.headers["location"]) == (308, f"/{TOKEN}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8000", "LOCALHOST", "[::1]:8000"])
def test_loopback_by_its_names_at_any_port(host: str) -> None:
    assert asked(host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "192.168.1.7",
        "localhost.evil",
        "",
        "[::1",
    ],
)
def test_a_name_that_was_led_here_is_refused(host: str) -> None:
    assert asked(host=host).status == 421


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.7:80", 200), ("[fe80::1]", 200), ("box.example:80", 200), ("evil.example", 421)],
)
def test_on_a_network_addresses_and_own_names_are_fine(host: str, status: int) -> None:
    assert asked(host=host, names=LAN).status == status


def test_two_hosts_are_none() -> None:
    hosts = [("host", "127.0.0.1"), ("host", "evil.example")]
    assert ask(Guard(page, TOKEN, Names()), f"/{TOKEN}/", hosts).status == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:8000"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_other_pages_get_nothing_even_with_the_address(headers: dict[str, str], status: int) -> None:
    assert asked(**headers).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(method: str) -> None:
    answer = ask(Guard(page, TOKEN, Names()), f"/{TOKEN}/", method=method)
    assert answer.status == 405


@pytest.mark.parametrize("address", [f"/{TOKEN}/", "/", f"/{TOKEN}"])
def test_every_answer_says_what_a_browser_may_do_with_it(address: str) -> None:
    found = asked(address).headers
    assert {name: found[name.lower()] for name in HEADERS} == HEADERS
    assert "unsafe" not in found["content-security-policy"]
    assert "access-control-allow-origin" not in found


def test_a_token_is_long_and_another_each_time() -> None:
    assert len({new_token() for _ in range(50)}) == 50
    assert all(len(new_token()) >= 22 for _ in range(50))


def test_where_loopback_is() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "box.example")))


@given(st.text(max_size=60))
def test_whatever_a_host_header_holds(text: str) -> None:
    name = host_name(text)
    if Names().allow(text):
        assert name == "localhost" or is_loopback(name or "")
