"""Errors in the response format of each AWS protocol."""

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sandbox.aws.cloud.operations import AwsCall


@dataclass(frozen=True)
class AwsError:
    """Code, message and HTTP status of an error."""

    code: str
    message: str
    status: int = 400


def render(error: AwsError, call: AwsCall, request_id: str) -> tuple[str, bytes]:
    """Content type and body of the error in the call's protocol."""
    if call.is_json:
        content = {"__type": error.code, "message": error.message}
        return "application/x-amz-json-1.1", json.dumps(content).encode()
    words = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if call.service == "ec2":
        text = (
            f"<Response><Errors><Error>{words}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    elif call.service == "s3":
        text = f"<Error>{words}<RequestId>{request_id}</RequestId></Error>"
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{words}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
