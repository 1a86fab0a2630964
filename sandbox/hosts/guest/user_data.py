"""Runs an instance's user data once, at first boot, as cloud-init does."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import shutil
import zlib

from sandbox.hosts.guest.machine import Machine

_PIECE = 1 << 16
LOG_BYTES = 32 << 20


def script_of(user_data: bytes) -> bytes | None:
    """The script in the user data; None when there is none. Raises ValueError for other kinds."""
    if user_data[:2] == b"\x1f\x8b":
        try:
            user_data = gzip.decompress(user_data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"the user data is not readable gzip: {error}") from error
    if not user_data.strip():
        return None
    if user_data.startswith(b"#!"):
        return user_data
    first = user_data.splitlines()[0][:60].decode(errors="replace")
    raise ValueError(f"only scripts ('#!…') are run as user data in the sandbox, found: {first!r}")


async def run_user_data(machine: Machine) -> None:
    """Run the script if this is the instance's first boot. Its output goes to the log and the console."""
    layout = machine.layout
    if layout.user_data_done.exists():
        return
    layout.user_data_done.parent.mkdir(parents=True, exist_ok=True)
    layout.user_data_done.touch()
    try:
        script = script_of(layout.user_data.read_bytes()) if layout.user_data.exists() else None
    except ValueError as error:
        machine.console.say(f"cloud-init: {error}")
        return
    if script is None:
        return
    path = layout.instance / "scripts/part-001"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(script)
    path.chmod(0o700)
    machine.console.say("cloud-init: running user data")
    code = await _run(machine, _command(machine, script, str(path)))
    machine.console.say(f"cloud-init: user data ended with code {code}")


def _command(machine: Machine, script: bytes, path: str) -> list[str]:
    """The script itself; if its interpreter does not exist at its path, with the one of that name on PATH."""
    words = script.splitlines()[0][2:].decode(errors="replace").strip().split(maxsplit=1)
    if words and not os.access(words[0], os.X_OK):
        found = shutil.which(words[0].rpartition("/")[2], path=machine.environment.get("PATH"))
        if found:
            return [found, *words[1:], path]
    return [path]


async def _run(machine: Machine, command: list[str]) -> int:
    layout = machine.layout
    layout.cloud_init_log.parent.mkdir(parents=True, exist_ok=True)
    read, write = os.pipe()
    try:
        child = machine.children.start(
            command, machine.environment, cwd=str(layout.root), stdout=write, stderr=write
        )
    except OSError as error:
        os.close(read)
        machine.console.say(f"cloud-init: {error}")
        return 126
    finally:
        os.close(write)
    copying = asyncio.get_running_loop().create_task(_copy_output(machine, read))
    code = await child.ended
    with contextlib.suppress(asyncio.TimeoutError):  # processes left running may still write
        await asyncio.wait_for(asyncio.shield(copying), 0.2)
    machine.background.add(copying)
    copying.add_done_callback(machine.background.discard)
    return code


async def _copy_output(machine: Machine, descriptor: int) -> None:
    reader = asyncio.StreamReader(limit=_PIECE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    left = LOG_BYTES
    try:
        with machine.layout.cloud_init_log.open("ab", buffering=0) as log:
            while data := await reader.read(_PIECE):
                machine.console.write(data)
                log.write(data[: max(left, 0)])
                left -= len(data)
    finally:
        transport.close()
