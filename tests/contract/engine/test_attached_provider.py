"""Providers that are attached by ``PULUMI_DEBUG_PROVIDERS``."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
import pytest
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Provider, Thing
from support.engine.toy_stack import ToyStack


def two_providers() -> None:
    for name in ("one", "other"):
        Thing(f"of-{name}", pulumi.ResourceOptions(provider=Provider(name)))
    Thing("of-default")


def one_thing() -> None:
    Thing("a")


@contextmanager
def recording_proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers nothing: its address, and the first line of each request."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(4096).split(b"\r\n")[0].decode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def behind(stack: ToyStack, proxy: str, **variables: str) -> ToyStack:
    names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
    return stack.with_variables(**dict.fromkeys(names, proxy), NO_PROXY="", no_proxy="", **variables)


@pytest.mark.parametrize("verb", ["up", "preview"])
def test_one_connection_for_each_provider_resource(stack: ToyStack, provider: ToyProvider, verb: str) -> None:
    """`sandbox/aws/provider/sessions.py`: each is attached, configured once and cancelled once."""
    stack.operate(verb, two_providers)
    by_connection: dict[str, Counter[str]] = {}
    for call in provider.calls:
        by_connection.setdefault(call.peer, Counter())[call.method] += 1
    assert len(by_connection) == 3
    for counted in by_connection.values():
        assert (counted["handshake"], counted["attach"], counted["configure"], counted["cancel"]) == (
            1,
            1,
            1,
            1,
        )
    configured = sorted(urn.rsplit("::", 1)[-1] for urn in provider.called("configure"))
    assert configured == ["default", "one", "other"]


def test_a_resource_is_made_over_the_connection_of_its_provider(
    stack: ToyStack, provider: ToyProvider
) -> None:
    """`sandbox/aws/provider/sessions.py`: region and credentials are those of the connection."""
    stack.up(two_providers)
    peers = {call.target.rsplit("::", 1)[-1]: call.peer for call in provider.calls if call.target}
    for name in ("one", "other", "default"):
        assert peers[f"of-{name}"] == peers[name]


def test_no_request_leaves_the_machine(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/environment.py`: with the sandbox's variables and an explicit provider of a
    version, nothing is looked up and no plugin is installed."""

    def versioned() -> None:
        Thing("a", pulumi.ResourceOptions(version="7.51.1"))
        two_providers()

    with recording_proxy() as (proxy, asked):
        behind(stack, proxy).up(versioned)
        assert asked == []
    assert not (stack.folder / "home" / "plugins").exists()


def test_without_a_provider_nothing_is_downloaded_when_told_so(stack: ToyStack) -> None:
    """`runctl_auto/engine/environment.py` (``PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION``): a sandbox whose
    provider is not attached fails; without the variable the engine would fetch the real one."""
    with recording_proxy() as (proxy, asked):
        detached = behind(stack, proxy, PULUMI_DEBUG_PROVIDERS="")
        ran = detached.operate("up", one_thing)
        assert ran.code == 1
        assert "no resource plugin 'pulumi-resource-toy' found" in ran.errors[0]
        assert asked == []
        allowed = detached.with_variables(PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="false")
        assert allowed.operate("up", one_thing).code == 1
        assert asked, "the variable makes the difference"
