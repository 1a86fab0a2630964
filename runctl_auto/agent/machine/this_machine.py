"""This machine as its agent finds it: who it is, its group, its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Union

from runctl_auto.agent.machine.imds import InstanceMetadata
from runctl_auto.agent.machine.machine import run_program, shut_down
from runctl_auto.agent.machine.own_group import AUTO_SCALING, OwnGroup
from runctl_auto.agent.machine.own_pod import OwnPod
from runctl_auto.agent.machine.pod_identity import PodIdentity, is_pod
from runctl_auto.agent.machine.query_request import QueryService
from runctl_auto.agent.start.config import AgentConfig, read_config
from runctl_auto.agent.start.layout import Layout
from runctl_auto.agent.store.kept_web import KeptWeb
from runctl_auto.agent.store.web import Web

Metadata = Union[InstanceMetadata, PodIdentity]  # noqa: UP007 (evaluated on Python 3.9)


def metadata_of(web: Web, environment: Mapping[str, str]) -> Metadata:
    """Who this machine is: from its variables in a pod, else from the instance metadata service."""
    if is_pod(environment):
        return PodIdentity(environment)
    return InstanceMetadata(web, environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"))


def end_machine(say: Callable[[str], None]) -> None:
    """Ends this machine, or this pod. Raises ProgramError when a machine cannot be shut down."""
    if is_pod(os.environ):
        OwnPod(Web(os.environ.get("AWS_CA_BUNDLE")), os.environ, say).end()
    else:
        shut_down(run_program, say)


def own_group(
    config: AgentConfig, web: Web, metadata: Metadata, say: Callable[[str], None]
) -> OwnGroup | None:
    """The group of this machine; None for a single instance."""
    if config.group is None:
        return None
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    service = QueryService(web, *AUTO_SCALING, config.region, metadata.credentials, endpoint)
    return OwnGroup(config.group, service, metadata.get, say)


def group_of_this_machine(say: Callable[[str], None]) -> OwnGroup | None:
    """As ``own_group``, from the configuration that this machine has. Raises AgentError and OSError."""
    config = read_config(Layout.from_environment().config)
    web = KeptWeb(os.environ.get("AWS_CA_BUNDLE"))
    return own_group(config, web, metadata_of(web, os.environ), say)
