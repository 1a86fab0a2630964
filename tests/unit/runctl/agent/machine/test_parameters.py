"""The job's secrets come from the parameter store, ten names a call, with the instance's own credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import AgentError, RetriesExhaustedError
from runctl_auto.agent.machine.parameters import Parameters
from runctl_auto.agent.spec import SecretSpec
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import is_passing
from runctl_auto.agent.store.sigv4 import Credentials


def store(*answers: object, region: str = "eu-west-1", endpoint: str | None = None) -> Any:
    web = ScriptedWeb(list(answers))
    retrier = Retrier(sleep=lambda seconds: None, chance=lambda: 0.5)
    made = Parameters(
        web,
        region,
        lambda: Credentials("key", "secret", "token"),
        lambda operation: retrier.call(operation, is_passing),
        endpoint=endpoint,
    )
    return made, web


def answer(**values: str) -> tuple[int, bytes]:
    listed = [{"Name": f"/runctl/digits/{name}", "Value": value} for name, value in values.items()]
    return 200, json.dumps({"Parameters": listed, "InvalidParameters": []}).encode()


def wanted(*names: str) -> list[SecretSpec]:
    return [SecretSpec(name, f"/runctl/digits/{name}") for name in names]


def error(code: str, status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps({"__type": f"com.amazonaws.ssm#{code}", "message": "said so"}).encode()


def test_values_come_by_the_names_of_their_variables() -> None:
    made, web = store(answer(B="2", A="1"))
    assert made.secrets(wanted("A", "B")) == {"A": "1", "B": "2"}
    (asked,) = web.asked
    assert asked.url == "https://ssm.eu-west-1.amazonaws.com/"
    assert asked.headers["x-amz-target"] == "AmazonSSM.GetParameters"
    assert json.loads(asked.body) == {
        "Names": ["/runctl/digits/A", "/runctl/digits/B"],
        "WithDecryption": True,
    }
    assert "/eu-west-1/ssm/aws4_request" in asked.headers["authorization"]


@pytest.mark.parametrize(
    ("region", "endpoint", "url"),
    [
        ("cn-north-1", None, "https://ssm.cn-north-1.amazonaws.com.cn/"),
        ("us-east-1", "http://127.0.0.1:5000", "http://127.0.0.1:5000/"),
    ],
)
def test_where_it_asks(region: str, endpoint: str | None, url: str) -> None:
    made, web = store(answer(A="1"), region=region, endpoint=endpoint)
    made.secrets(wanted("A"))
    assert web.asked[0].url == url


def test_no_more_than_ten_at_once() -> None:
    names = [f"N{number}" for number in range(23)]
    made, web = store(*(answer(**dict.fromkeys(names[at : at + 10], "v")) for at in (0, 10, 20)))
    assert list(made.secrets(wanted(*names))) == names
    assert [len(json.loads(asked.body)["Names"]) for asked in web.asked] == [10, 10, 3]


def test_what_is_missing_is_named() -> None:
    made, _ = store(answer(A="1"))
    with pytest.raises(AgentError, match="/runctl/digits/B, /runctl/digits/C"):
        made.secrets(wanted("A", "B", "C"))


def test_throttling_passes_and_a_refusal_does_not() -> None:
    made, web = store(error("ThrottlingException"), error("InternalServerError", 500), answer(A="1"))
    assert made.secrets(wanted("A")) == {"A": "1"}
    assert len(web.asked) == 3
    made, web = store(error("AccessDeniedException"))
    with pytest.raises(AgentError, match="answered 400 AccessDeniedException: said so"):
        made.secrets(wanted("A"))
    assert len(web.asked) == 1


def test_it_gives_up_and_says_so() -> None:
    made, _ = store(*[error("ThrottlingException")] * 3)
    with pytest.raises(RetriesExhaustedError, match="3 attempts"):
        made.secrets(wanted("A"))


def test_an_answer_that_is_no_document_is_an_error_like_others() -> None:
    made, _ = store((502, b"<html>"), (502, b"[]"), (502, b""))
    with pytest.raises(RetriesExhaustedError, match="502"):
        made.secrets(wanted("A"))
