"""What a program asks for of components that a provider makes, and what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.deploy.check_failures import described
from sandbox.engine.deploy.monitor.components import (
    called_package,
    called_provider,
    construct_call,
    constructed_response,
    method_call,
    method_response,
)
from sandbox.engine.deploy.monitor.requests import RequestError
from sandbox.engine.deploy.monitor.transforms import Transforms
from sandbox.engine.deploy.protocol import resource_pb2
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.component_calls import Constructed, Returned
from sandbox.engine.deploy.request import OperationKind, OperationRequest, Program
from sandbox.engine.deploy.wire import Send, from_struct, to_struct
from sandbox.engine.properties import COMPUTED, Output, PropertyMap, ResourceReference, Secret

OPERATION = OperationRequest(OperationKind.UPDATE, "p", "s", Program(Path("/nowhere")))
URN = "urn:pulumi:s::p::box:index:Box::b"
A, B = (f"urn:pulumi:s::p::toy:index:Thing::{name}" for name in "ab")
OUTPUTS = Send(outputs=True)


def _call(values: PropertyMap, **fields: Any) -> Any:
    fields.setdefault("tok", "box:index:Box/say")
    return resource_pb2.ResourceCallRequest(args=to_struct(values, OUTPUTS), **fields)


def test_inputs_keep_their_outputs_and_what_they_depend_on() -> None:
    inputs = {"size": Output(3, known=True, dependencies=(A,)), "word": Secret("x"), "plain": 1}
    request = resource_pb2.RegisterResourceRequest(
        type="box:index:Box", remote=True, object=to_struct(inputs, OUTPUTS), dependencies=[B, B]
    )
    request.propertyDependencies["plain"].urns.append(B)
    call = construct_call(request, OPERATION, "address", Path("/nowhere"))
    assert call.inputs["size"] == Output(3, known=True, dependencies=(A,))
    assert call.inputs["word"] == Output("x", known=True, secret=True)
    assert call.dependencies == (B,)
    assert call.property_dependencies == {"plain": (B,), "size": (A,), "word": ()}


def test_outputs_of_a_component_come_with_what_they_depend_on() -> None:
    made = Constructed(
        URN,
        {"out": Output("o", known=True, secret=True, dependencies=(A,)), "later": COMPUTED, "plain": 1},
        {"plain": (B,)},
    )
    request = resource_pb2.RegisterResourceRequest(acceptSecrets=True)
    answer = constructed_response(request, made)
    assert answer.urn == URN
    assert from_struct(answer.object) == {"out": Secret("o"), "plain": 1}
    assert {k: list(v.urns) for k, v in answer.propertyDependencies.items()} == {
        "out": [A],
        "plain": [B],
        "later": [],
    }
    request.supportsPartialValues = True
    assert from_struct(constructed_response(request, made).object)["later"] == COMPUTED


def test_a_method_is_called_on_the_provider_of_its_receiver() -> None:
    receiver = {"__self__": ResourceReference(URN)}
    assert called_provider(_call(receiver), {URN: "mine::1"}) == "mine::1"
    assert called_provider(_call(receiver, provider="other::1"), {}) == "other::1"
    assert called_provider(_call({}), {}) == ""
    with pytest.raises(RequestError, match=f"unknown resource {URN}"):
        called_provider(_call(receiver), {})
    with pytest.raises(RequestError, match=r"missing __self__\.urn"):
        called_provider(_call({"__self__": {}}), {})


def test_a_provider_s_own_method_is_called_on_itself() -> None:
    urn = "urn:pulumi:s::p::pulumi:providers:box::mine"
    token = "pulumi:providers:box/speak"
    assert called_provider(_call({"__self__": ResourceReference(urn, "7")}, tok=token), {}) == f"{urn}::7"
    assert called_package(token) == "box"
    with pytest.raises(RequestError, match="missing __self__ argument"):
        called_provider(_call({}, tok=token), {})


def test_arguments_and_results_carry_their_dependencies() -> None:
    request = _call({"word": Output("w", known=True, dependencies=(A,))})
    request.argDependencies["word"].urns.append(B)
    call = method_call(request, OPERATION, "address", Path("/nowhere"))
    assert call.dependencies == {"word": (B, A)}
    returned = Returned(
        {"said": Output("s", known=True, dependencies=(A,))}, {"said": (B,)}, (("word", "no"),)
    )
    answer = method_response(request, returned)
    assert from_struct(getattr(answer, "return")) == {"said": "s"}
    assert list(answer.returnDependencies["said"].urns) == [B, A]
    assert [(f.property, f.reason) for f in answer.failures] == [("word", "no")]


def test_a_component_registered_by_its_provider_keeps_the_program_s_transforms() -> None:
    transforms = Transforms()
    asked = resource_pb2.RegisterResourceRequest(type="box:index:Box", name="b", parent="root", remote=True)
    asked.transforms.add(target="t", token="1")
    transforms.take_over(asked)
    others = resource_pb2.RegisterResourceRequest(type="box:index:Box", name="c", parent="root")
    transforms.take_over(others)
    assert len(others.transforms) == 0
    registered = resource_pb2.RegisterResourceRequest(type="box:index:Box", name="b", parent="root")
    transforms.take_over(registered)
    assert [callback.token for callback in registered.transforms] == ["1"]
    again = resource_pb2.RegisterResourceRequest(type="box:index:Box", name="b", parent="root")
    transforms.take_over(again)
    assert len(again.transforms) == 0


def test_refused_inputs_are_shown_with_their_values() -> None:
    error = ProviderError("bad", refused=[("size", "too big"), ("list[1]", "odd"), ("none.x", "missing")])
    inputs: PropertyMap = {"size": Output(5, known=True), "list": [1, "x"]}
    assert described(error, inputs) == (
        "bad\n\t\t- property size with value '{5}' has a problem: too big"
        "\n\t\t- property list[1] with value '{x}' has a problem: odd"
        "\n\t\t- property none.x has a problem: missing"
    )
