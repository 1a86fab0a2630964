"""Whom and what an attached host serves."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc
from support.grpc_channel import channel_to
from support.language_hosts import attached
from support.pulumi_engine import Project

from runctl_auto.engine.language.attached import LanguageHost

_NOBODY = 65534


def test_refuses_a_program_that_is_not_its_own(tmp_path: Path, modules: tuple[str, ...]) -> None:
    own = Project.create(tmp_path / "own", "")
    foreign = Project.create(tmp_path / "foreign", "print('it ran')")
    with attached(own, modules=modules) as engine:
        done = foreign.pulumi(engine, "preview")
    assert done.returncode != 0
    assert f"does not serve the program in {foreign.folder}" in done.stdout
    assert "it ran" not in done.stdout


def test_serves_a_folder_by_whatever_path_it_is_reached(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "real", "print('it ran')")
    (tmp_path / "link").symlink_to(project.folder)
    linked = Project(tmp_path / "link", project.environment)
    with attached(project) as engine:
        done = linked.pulumi(engine, "preview")
    assert done.returncode == 0, done.stdout
    assert "it ran" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as another user")
@pytest.mark.parametrize("user", [0, _NOBODY])
def test_serves_its_own_user_only(tmp_path: Path, user: int) -> None:
    with LanguageHost.start(os.environ, programs=[tmp_path]) as host, _relayed(host.port(), user) as port:
        channel = channel_to(port)
        runtime = language_pb2_grpc.LanguageRuntimeStub(channel)
        greeting = language_pb2.LanguageHandshakeRequest(engine_address="127.0.0.1:1")
        if user == os.geteuid():
            assert runtime.Handshake(greeting, timeout=60) == language_pb2.LanguageHandshakeResponse()
        else:
            with pytest.raises(grpc.RpcError) as refused:
                runtime.Handshake(greeting, timeout=60)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        channel.close()


def test_answers_other_calls_with_unimplemented_by_name(tmp_path: Path) -> None:
    with LanguageHost.start(os.environ, programs=[tmp_path]) as host:
        channel = channel_to(host.port())
        runtime = language_pb2_grpc.LanguageRuntimeStub(channel)
        with pytest.raises(grpc.RpcError) as once:
            runtime.Pack(language_pb2.PackRequest(), timeout=60)
        with pytest.raises(grpc.RpcError) as streamed:
            list(runtime.InstallDependencies(language_pb2.InstallDependenciesRequest(), timeout=60))
        channel.close()
    assert once.value.code() is streamed.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "Pack" in once.value.details()
    assert "InstallDependencies" in streamed.value.details()


@contextmanager
def _relayed(port: int, user: int) -> Iterator[int]:
    """A port whose one connection goes on to ``port`` by a socket of another user."""
    with socket.create_server(("127.0.0.1", 0)) as listener, _socket_of(user) as onward:
        onward.connect(("127.0.0.1", port))

        def relay() -> None:
            arrived, _ = listener.accept()
            threading.Thread(target=_copy, args=(arrived, onward), daemon=True).start()
            _copy(onward, arrived)

        threading.Thread(target=relay, daemon=True).start()
        yield listener.getsockname()[1]


def _socket_of(user: int) -> socket.socket:
    """A socket that the kernel counts as the user's: it goes by who makes it."""
    before = os.geteuid()
    os.seteuid(user)
    try:
        return socket.socket()
    finally:
        os.seteuid(before)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        return  # the test is over
