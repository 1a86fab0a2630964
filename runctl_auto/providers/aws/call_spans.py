"""A span for each request to AWS that a client makes; what is asked and answered is not in it."""

from __future__ import annotations

from typing import Any

from runctl_auto.agent.tracing import spans

_SPAN = "runctl_span"
_FAILED = 400


def trace_calls(client: Any) -> None:
    """From now on, every attempt of a call of this client is a span, with service, operation, region, HTTP
    status and the code of an error."""
    region = str(client.meta.region_name)

    def begin(model: Any, context: dict[str, Any], **_: object) -> None:
        service = str(model.service_model.service_name)
        context[_SPAN] = spans.begin(
            f"{service} {model.name}",
            kind="client",
            **{"rpc.system": "aws-api", "rpc.service": service, "rpc.method": str(model.name)},
            **{"cloud.region": region},
        )

    def end(context: dict[str, Any], parsed: Any = None, http_response: Any = None, **_: object) -> None:
        span = context.pop(_SPAN, None)
        if span is None:
            return
        status = getattr(http_response, "status_code", None)
        span.set(**{"http.response.status_code": status})
        failed = status is not None and status >= _FAILED
        code = str(((parsed or {}).get("Error") or {}).get("Code") or status)
        spans.end(span, code if failed else None)

    def fail(context: dict[str, Any], exception: BaseException, **_: object) -> None:
        spans.end(context.pop(_SPAN, None), exception)

    events = client.meta.events
    events.register("before-call", begin)
    events.register("after-call", end)
    events.register("after-call-error", fail)
