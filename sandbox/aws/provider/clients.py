"""Clients of the cloud's services, shared by all connections with the same access settings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import botocore.session
from botocore.config import Config

from sandbox.aws.provider.configuration import CloudAccess

USER_AGENT = "runctl-sandbox-provider"
"""User-Agent of all calls of the provider, by which the cloud identifies them."""
_KEPT = 64
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_SERVICES_FIRST_USED = ("sts", "ec2", "iam", "s3")


class ClientPool:
    """Creates each client once. Thread-safe. botocore's own retries are disabled."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._clients: OrderedDict[tuple[CloudAccess, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def client(self, access: CloudAccess, service: str) -> Any:
        """The client of a service, by botocore's service name."""
        key = (access, service)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(access, service)
                if len(self._clients) > _KEPT:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return self._clients[key]

    def warm_up(self, access: CloudAccess) -> None:
        """Preload what the first calls need, so that the first resource does not wait for it."""
        for service in _SERVICES_FIRST_USED:
            self.client(access, service)

    def _make(self, access: CloudAccess, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=access.region,
            endpoint_url=access.endpoint_of(service) or None,
            aws_access_key_id=access.access_key,
            aws_secret_access_key=access.secret_key,
            aws_session_token=access.token,
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                max_pool_connections=32,
                retries={"total_max_attempts": 1},
                user_agent_extra=USER_AGENT,
                s3={"addressing_style": "path" if access.path_style else "auto"},
            ),
        )
