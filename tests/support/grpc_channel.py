"""Connections of the tests' own to servers on this machine."""

from __future__ import annotations

import grpc


def channel_to(port: int) -> grpc.Channel:
    """A connection that shares nothing with earlier ones to a server that had the same port."""
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
