"""Whom the provider serves."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import grpc
import pytest

from runctl_auto.engine.language.admission import AdmittedOnly
from sandbox.aws.provider.admission import refusing


def context(*metadata: tuple[str, str]) -> Any:
    made = create_autospec(grpc.ServicerContext, instance=True)
    made.peer.return_value = "ipv4:127.0.0.1:1"
    made.invocation_metadata.return_value = metadata
    return made


def check(peer: str) -> str | None:
    return None if peer.endswith(":2") else "a stranger"


def test_who_sends_nothing_is_looked_up() -> None:
    refusal = refusing(check, "Bearer token")
    stranger, engine = context(("user-agent", "grpc")), context()
    engine.peer.return_value = "ipv4:127.0.0.1:2"
    assert refusal(stranger) == "a stranger"
    assert refusal(engine) is None


@pytest.mark.parametrize(
    ("given", "served"), [("Bearer token", True), ("Bearer toke", False), ("token", False), ("", False)]
)
def test_the_token_serves_too(given: str, served: bool) -> None:
    assert (refusing(check, "Bearer token")(context(("authorization", given))) is None) is served


class Aborted(Exception):
    pass


def guarded(interceptor: AdmittedOnly, asked: Any) -> Any:
    """The method behind the interceptor: its request is only decoded when it is called."""
    decoded: list[bytes] = []
    handler = grpc.unary_unary_rpc_method_handler(
        lambda request, _: f"answer to {request}", lambda raw: decoded.append(raw) or raw.decode(), None
    )
    method = interceptor.intercept_service(lambda _: handler, None).unary_unary
    asked.abort.side_effect = Aborted
    try:
        return method(b"ask", asked), decoded
    except Aborted:
        asked.abort.assert_called_once()
        assert asked.abort.call_args.args[0] is grpc.StatusCode.PERMISSION_DENIED
        return None, decoded


def test_a_server_answers_nobody_until_it_knows_whom() -> None:
    assert guarded(AdmittedOnly(), context()) == (None, [])


def test_the_request_of_a_stranger_is_not_read() -> None:
    interceptor = AdmittedOnly()
    interceptor.refusal = lambda _: "no"
    assert guarded(interceptor, context()) == (None, [])
    interceptor.refusal = lambda _: None
    assert guarded(interceptor, context()) == ("answer to ask", [b"ask"])


def test_unknown_methods_stay_unknown() -> None:
    assert AdmittedOnly().intercept_service(lambda _: None, None) is None
