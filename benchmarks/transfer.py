"""`runctl transfer` against s5cmd, awscrt, boto3, aws-cli, rclone and, where it is installed, obstore.

All move the same files, many small ones and a large one, to and from versitygw on the loopback of this
machine, each as a process of its own, one round after the other. Seconds are those of the whole command;
processor seconds are those of the tool alone, and are what to compare on a machine that is not idle. Sizes:
RUNCTL_BENCH_FILES (10000 of 64 KiB) and RUNCTL_BENCH_LARGE_MIB (2048). RUNCTL_BENCH_TOOLS names some of the
tools ("runctl,s5cmd,awscrt"): all take about half an hour.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.memory import touch_free_memory
from benchmarks.s3_tools import REGION, Server, aws_cli, server, tool

SMALL_BYTES = 64 << 10
BUCKET = "bench"
FOR_LARGE_FILES = ("runctl", "s5cmd", "awscrt", "boto3", "aws-cli", "rclone")
RUNCTL = Path(sys.executable).parent / "runctl"

BOTO3 = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import boto3
from boto3.s3.transfer import TransferConfig
way, folder = sys.argv[1], Path(sys.argv[2])
client = boto3.client("s3", config=__import__("botocore").config.Config(max_pool_connections=32))
config = TransferConfig(max_concurrency=16, preferred_transfer_client="classic")
if way == "up":
    jobs = [lambda f=f: client.upload_file(str(f), "bench", "boto3/" + f.name, Config=config)
            for f in folder.iterdir()]
else:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bench", Prefix="boto3/")
    keys = [o["Key"] for page in pages for o in page["Contents"]]
    jobs = [lambda k=k: client.download_file("bench", k, str(folder / k[6:]), Config=config) for k in keys]
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda job: job(), jobs))
"""
CRT = """
import os, sys
from pathlib import Path
import boto3, botocore.session
from s3transfer.crt import BotocoreCRTRequestSerializer, BotocoreCRTCredentialsWrapper
from s3transfer.crt import CRTTransferManager, create_s3_crt_client
from awscrt.auth import AwsCredentialsProvider
way, folder = sys.argv[1], Path(sys.argv[2])
session = botocore.session.Session()
serializer = BotocoreCRTRequestSerializer(session, {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]})
keys = session.get_credentials().get_frozen_credentials()
provider = BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider()
client = create_s3_crt_client("us-east-1", crt_credentials_provider=provider, use_ssl=False)
with CRTTransferManager(client, serializer) as manager:
    if way == "up":
        done = [manager.upload(str(f), "bench", "awscrt/" + f.name) for f in folder.iterdir()]
    else:
        pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="bench", Prefix="awscrt/")
        names = [o["Key"] for page in pages for o in page["Contents"]]
        done = [manager.download("bench", k, str(folder / k[7:])) for k in names]
    for each in done:
        each.result()
"""
OBSTORE = """
import asyncio, os, sys
from pathlib import Path
import obstore
from obstore.store import S3Store
way, folder = sys.argv[1], Path(sys.argv[2])
store = S3Store("bench", endpoint=os.environ["AWS_ENDPOINT_URL"], region="us-east-1", unsigned_payload=True,
                checksum_algorithm="CRC64NVME", client_options={"allow_http": True})
async def up(file):
    if file.stat().st_size > 8 << 20:
        await obstore.put_async(store, "obstore/" + file.name, file, chunk_size=8 << 20, max_concurrency=16)
    else:
        await obstore.put_async(store, "obstore/" + file.name, file.read_bytes(), use_multipart=False)
async def down(key):
    with open(folder / key[8:], "wb") as target:
        async for chunk in (await obstore.get_async(store, key)).stream():
            target.write(chunk)
async def main():
    limit = asyncio.Semaphore(64)
    async def one(job):
        async with limit:
            await job
    if way == "up":
        jobs = [up(f) for f in folder.iterdir()]
    else:
        jobs = [down(o["path"]) for page in obstore.list(store, "obstore") for o in page]
    await asyncio.gather(*(one(job) for job in jobs))
asyncio.run(main())
"""


@dataclass(frozen=True)
class Cost:
    """Wall clock and processor seconds of a command, and its peak of memory in MB."""

    seconds: float
    processor: float
    peak: float


@dataclass
class Tool:
    """A tool with the command for each way; ``{folder}`` is where the files are or go to."""

    name: str
    up: list[str]
    down: list[str]
    costs: dict[str, list[Cost]] = field(default_factory=dict)


def measure(folder: Path, rounds: int) -> None:
    files = int(os.environ.get("RUNCTL_BENCH_FILES", "10000"))
    large = int(os.environ.get("RUNCTL_BENCH_LARGE_MIB", "2048"))
    touch_free_memory()
    with server(folder / "server") as place:
        place.client().create_bucket(Bucket=BUCKET)
        for name, count, size in (("small", files, SMALL_BYTES), ("large", 1, large << 20)):
            source = folder / name
            write(source, count, size)
            tools = [each for each in _tools(_named()) if name == "small" or each.name in FOR_LARGE_FILES]
            for number in range(rounds):
                first = number % len(tools)  # none always comes after the same other one
                for each in (*tools[first:], *tools[:first]):
                    _round(each, place, source, folder / "target")
            _print(f"{count} x {size >> 10} KiB", tools)
            shutil.rmtree(source)
            _empty(place)


def _named() -> set[str] | None:
    """The tools to compare; None for all. runctl is always one: the others are compared with it."""
    named = os.environ.get("RUNCTL_BENCH_TOOLS", "")
    return {"runctl", *named.split(",")} if named else None


def _tools(named: set[str] | None) -> list[Tool]:
    python = sys.executable
    s5cmd = str(tool("s5cmd"))
    found = [
        Tool(
            "runctl",
            [str(RUNCTL), "transfer", "{folder}", f"s3://{BUCKET}/runctl/"],
            [str(RUNCTL), "transfer", f"s3://{BUCKET}/runctl/", "{folder}"],
        ),
        Tool(
            "s5cmd",
            [s5cmd, "cp", "{folder}/", f"s3://{BUCKET}/s5cmd/"],
            [s5cmd, "cp", f"s3://{BUCKET}/s5cmd/*", "{folder}/"],
        ),
        *(
            Tool(name, [python, "-c", text, "up", "{folder}"], [python, "-c", text, "down", "{folder}"])
            for name, text in (("awscrt", CRT), ("boto3", BOTO3))
        ),
    ]
    if named is None or named & {"aws-cli", "rclone"}:
        found += _slower_tools()
    if find_spec("obstore") is not None:
        found.append(
            Tool(
                "obstore",
                [python, "-c", OBSTORE, "up", "{folder}"],
                [python, "-c", OBSTORE, "down", "{folder}"],
            )
        )
    return [each for each in found if named is None or each.name in named]


def _slower_tools() -> list[Tool]:
    """Those that people also use, as far as they can be had; why not is told."""
    found = []
    try:
        aws = ["env", f"PYTHONPATH={aws_cli()}", sys.executable, "-m", "awscli", "s3", "cp", "--recursive"]
        aws += ["--only-show-errors"]
        address = f"s3://{BUCKET}/aws-cli/"
        found.append(Tool("aws-cli", [*aws, "{folder}", address], [*aws, address, "{folder}"]))
    except RuntimeError as error:
        print(f"aws-cli: {error}")
    try:
        rclone = [str(tool("rclone")), "copy", "--transfers", "16", "--s3-no-check-bucket"]
        remote = f":s3,provider=Other,env_auth=true,region={REGION},endpoint='{{endpoint}}':{BUCKET}/rclone"
        found.append(Tool("rclone", [*rclone, "{folder}", remote], [*rclone, remote, "{folder}"]))
    except RuntimeError as error:
        print(f"rclone: {error}")
    return found


def write(folder: Path, count: int, size: int) -> None:
    folder.mkdir()
    for number in range(count):
        with (folder / f"{number:06d}").open("wb") as file:
            for _ in range(max(1, size >> 20)):
                file.write(os.urandom(min(size, 1 << 20)))


def _round(each: Tool, place: Server, source: Path, target: Path) -> None:
    _empty(place, f"{each.name}/")
    each.costs.setdefault("up", []).append(_run(each.up, source, place))
    target.mkdir()
    each.costs.setdefault("down", []).append(_run(each.down, target, place))
    sizes = [{file.name: file.stat().st_size for file in side.iterdir()} for side in (source, target)]
    assert sizes[0] == sizes[1], f"{each.name} brought {len(sizes[1])} files"
    shutil.rmtree(target)


def _run(command: list[str], folder: Path, place: Server) -> Cost:
    filled = (word.replace("{folder}", str(folder)) for word in command)
    return run([word.replace("{endpoint}", place.endpoint) for word in filled], place)


def run(filled: list[str], place: Server) -> Cost:
    """Runs a command as a client of the server. Raises ``RuntimeError`` when it fails."""
    environment = {**os.environ, **place.variables, "XDG_STATE_HOME": str(place.folder.parent / "state")}
    os.sync()  # what the command before has written is not written to the disk at the cost of this one
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1,)]
    began = time.perf_counter()
    pid = os.posix_spawnp(filled[0], filled, environment, file_actions=nowhere)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{filled[0]} failed")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _empty(place: Server, prefix: str = "") -> None:
    """Deletes what a tool stored: overwriting costs the server more than writing."""
    shutil.rmtree(place.folder / BUCKET / prefix, ignore_errors=True)
    (place.folder / BUCKET).mkdir(exist_ok=True)


def _print(title: str, tools: list[Tool]) -> None:
    print(title)
    print(f"  {'':9}{'up s':>8}{'ratio':>7}{'cpu s':>8}{'down s':>8}{'ratio':>7}{'cpu s':>8}{'peak MB':>9}")
    own = tools[0]
    for each in tools:
        text = f"  {each.name:9}"
        for way in ("up", "down"):
            seconds = median(cost.seconds for cost in each.costs[way])
            ratio = seconds / median(cost.seconds for cost in own.costs[way])
            processor = median(cost.processor for cost in each.costs[way])
            text += f"{seconds:8.2f}{ratio:7.2f}{processor:8.2f}"
        peak = max(cost.peak for costs in each.costs.values() for cost in costs)
        print(f"{text}{peak:9.0f}")
    print("  ratio: seconds of the tool by those of runctl; above 1, runctl is faster")
