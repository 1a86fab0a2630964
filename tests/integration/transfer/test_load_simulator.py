"""The simulator that judges recommendations is within 15 % of loads that were measured on a throttled server.

What it says of disks, and of volumes from snapshots, cannot be measured here: its rates are those of the
services' documentation.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

import pytest
from support.load_simulator import Computer, Data, Disk, Machine, Service
from support.throttled_server import Limits, throttled_server

pytestmark = pytest.mark.matrix

WITHIN = 0.15
ATTEMPTS = 4
KIB, MB = 1024, 1_000_000


@dataclass(frozen=True)
class Load:
    """``count`` objects of ``mean`` bytes over ``connections``."""

    name: str
    count: int
    mean: int
    connections: int
    limits: Limits


def limits(
    first_byte: float = 0.05, connection: float = 50 * MB, network: float = 50 * MB, requests: float = 1e6
) -> Limits:
    return Limits(first_byte=first_byte, connection=connection, network=network, requests=requests)


LOADS = (
    Load("latency, few connections", 80, 4 * KIB, 2, limits()),
    Load("latency, more connections", 300, 4 * KIB, 8, limits()),
    Load("a long latency", 120, 16 * KIB, 8, limits(first_byte=0.2)),
    Load("the network, many connections", 60, 256 * KIB, 16, limits(network=6 * MB)),
    Load("the network, few connections", 40, 256 * KIB, 4, limits(network=4 * MB)),
    Load("the network, small objects", 400, 32 * KIB, 32, limits(network=4 * MB)),
    Load("the connections", 24, 512 * KIB, 4, limits(connection=1 * MB)),
    Load("connections and latency", 60, 128 * KIB, 6, limits(first_byte=0.1, connection=2 * MB)),
    Load("connections and the network", 48, 256 * KIB, 8, limits(connection=1 * MB, network=5 * MB)),
    Load("admission", 300, 4 * KIB, 16, limits(first_byte=0.02, requests=80)),
    Load("admission, many connections", 300, 4 * KIB, 48, limits(first_byte=0.05, requests=120)),
    Load("admission and the network", 200, 48 * KIB, 24, limits(network=5 * MB, requests=90)),
)


def size_of(load: Load, number: int) -> int:
    return int(load.mean * (0.5 + (number * 2654435761 % 1000) / 1000))


def simulated(load: Load) -> float:
    disk = Disk(throughput=1e12, iops=1e12)
    computer = Computer(
        network=load.limits.network,
        cores=64,
        memory_for_files=0,
        volume=disk,
        loader_connections=load.connections,
        loader_cpu=0,
        file_readers=1,
        file_cpu=0,
        staging_connections=1,
        staging_cpu=0,
    )
    service = Service(
        first_byte=load.limits.first_byte, connection=load.limits.connection, requests=load.limits.requests
    )
    machine = Machine(computer, service, Data(files=load.count, mean=load.mean))
    return machine.fetch(load.connections, 0.0, 64).seconds()[1]


def measured(load: Load) -> float:
    """Seconds of the load against the server, with a pause that doubles after each 503."""
    with throttled_server(load.limits) as (port, _):
        return asyncio.run(_read_all(load, port))


async def _read_all(load: Load, port: int) -> float:
    numbers, dice = iter(range(load.count)), random.Random(1)
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(load.connections)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in numbers:
            pause = 0.05
            while True:
                writer.write(f"GET /{size_of(load, number)} HTTP/1.1\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 503 " not in head:
                    break
                await asyncio.sleep(pause * dice.uniform(0.5, 1.0))
                pause = min(2 * pause, 5.0)
            await reader.readexactly(int(head.rpartition(b"content-length: ")[2]))

    began = time.monotonic()
    await asyncio.gather(*(one(*link) for link in links))
    seconds = time.monotonic() - began
    for _, writer in links:
        writer.close()
    return seconds


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
def test_a_load_takes_what_the_simulator_says(load: Load) -> None:
    """A busy machine only adds to what is measured, so the least of some attempts counts."""
    expected, found = simulated(load), []
    for _ in range(ATTEMPTS):
        found.append(measured(load))
        if abs(min(found) / expected - 1) <= WITHIN:
            break
    off = min(found) / expected - 1
    print(f"{load.name}: simulated {expected:.2f} s, measured {min(found):.2f} s, {off:+.1%}")
    assert abs(off) <= WITHIN
