"""Whom the provider serves: engines that were given the keys of its cloud, and holders of its token.

An engine that attaches to a provider sends nothing that proves who it is. Like the official provider, which
takes credentials from the engine's environment, this one looks there: the process at the other end of the
connection must have been started with the cloud's secret key, or, where it works with the credentials of a
role, with the control token. Other clients send the token as metadata.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import grpc

from runctl_auto.engine.language.admission import Refusal
from runctl_auto.engine.language.peers import PeerCheck, has_in_environment
from sandbox.access.keys import CloudKeys

PROVIDER_TOKEN = "SANDBOX_PROVIDER_TOKEN"  # noqa: S105 - the name of a variable
_NAME = "AWS_SECRET_ACCESS_KEY"


def admission(port: int, keys: CloudKeys) -> Refusal:
    """The refusal of callers that have neither the key nor the token."""
    has_key = has_in_environment(_NAME, keys.secret_access_key)
    has_token = has_in_environment(PROVIDER_TOKEN, keys.control_token)
    check = PeerCheck(port, lambda process: has_key(process) or has_token(process))
    return refusing(check.refusal, keys.bearer)


def refusing(check: Callable[[str], str | None], bearer: str) -> Refusal:
    """Refuses what `check` refuses, unless the call carries `bearer` as its authorization."""

    def refusal(context: grpc.ServicerContext) -> str | None:
        given = next(
            (value for name, value in context.invocation_metadata() if name == "authorization"), None
        )
        if given is None:
            return check(context.peer())
        is_right = hmac.compare_digest(str(given).encode(), bearer.encode())
        return None if is_right else "The token is not that of this sandbox."

    return refusal
