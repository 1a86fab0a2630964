"""What the resource monitor refuses, and how the operation ends then."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import grpc
import pytest

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.monitor.service import ResourceMonitor, Surroundings
from sandbox.engine.deploy.protocol import resource_pb2
from sandbox.engine.deploy.providers.registry import ProviderRegistry
from sandbox.engine.deploy.request import EventSink, OperationKind, OperationRequest, Program
from sandbox.engine.model import Snapshot


class Aborted(Exception):
    """Stands for the end of a request."""


@pytest.fixture
def failures() -> list[Exception]:
    """What the operation ends with."""
    return []


@pytest.fixture
def monitor(failures: list[Exception]) -> ResourceMonitor:
    request = OperationRequest(OperationKind.UPDATE, "p", "s", Program(Path("/nowhere")))
    registry = create_autospec(ProviderRegistry, instance=True)
    deployment = Deployment(
        request, Snapshot(), registry, Events(create_autospec(EventSink, instance=True)), lambda: "now"
    )

    def post(happening: Any) -> None:
        with pytest.raises(Bail) as raised:
            happening()
        failures.append(raised.value)
        monitor.close()

    monitor = ResourceMonitor(
        deployment, Surroundings(Path("/nowhere"), Path("/nowhere")), post, lambda: None
    )
    return monitor


@pytest.fixture
def context() -> Any:
    context = create_autospec(grpc.ServicerContext, instance=True)
    context.abort.side_effect = Aborted
    return context


@pytest.mark.parametrize(
    ("method", "kind"), [("RegisterResourceHook", "resource hooks"), ("RegisterErrorHook", "error hooks")]
)
def test_hooks_end_the_operation_with_their_name(
    monitor: ResourceMonitor, failures: list[Exception], context: Any, method: str, kind: str
) -> None:
    with pytest.raises(Aborted):
        getattr(monitor, method)(resource_pb2.RegisterResourceHookRequest(name="greet"), context)
    message = f"this engine does not support {kind}: 'greet' cannot be registered"
    assert [str(failure) for failure in failures] == [message]
    context.abort.assert_called_once_with(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")


def test_programs_are_told_that_hooks_exist_so_that_their_own_complaint_does_not_mislead(
    monitor: ResourceMonitor, context: Any
) -> None:
    features = monitor.GetDeploymentInfo(None, context).supportedFeatures
    assert resource_pb2.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS in features


def test_a_resource_with_hooks_is_refused(monitor: ResourceMonitor, context: Any) -> None:
    request = resource_pb2.RegisterResourceRequest(type="toy:index:Thing", name="a", custom=True)
    request.hooks.before_create.append("greet")
    with pytest.raises(Aborted):
        monitor.RegisterResource(request, context)
    context.abort.assert_called_once_with(
        grpc.StatusCode.INVALID_ARGUMENT, "this engine does not support resource hooks"
    )
