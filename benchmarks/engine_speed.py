"""The engine alone: 12 volumes through the Automation API, beside Pulumi's own engine when that is on PATH.

The program is inline, the secrets provider a passphrase, the provider attached, the cloud the sandbox's. One
round makes a stack, previews it, brings it up, does so again without a change, and destroys it. Rounds of the
engines alternate, so that what else the machine does meets them alike; the first round warms and is left out.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from engines import engines

if TYPE_CHECKING:
    from sandbox.daemon import Endpoints

VOLUMES = 12
STAGES = ("create/select", "preview", "up", "no-op up", "destroy")


def measure(folder: Path, rounds: int) -> None:
    from sandbox import daemon

    logging.getLogger("grpc").setLevel(logging.ERROR)
    place = folder / "sandbox"
    try:
        endpoints = daemon.ensure_started(place, progress=lambda _: None)
        environment = _environment(folder, endpoints)
        contestants = engines()
        times: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
        for number in range(rounds + 1):
            for name, root in contestants.items():
                times[name].append(_round(root, environment, folder / f"backend-{name}", f"s{number}"))
    finally:
        daemon.stop(place)
    _print({name: each[1:] for name, each in times.items()})


def _environment(folder: Path, endpoints: Endpoints) -> dict[str, str]:
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return {
        "PULUMI_CONFIG_PASSPHRASE": "a phrase of benchmarks",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{endpoints.provider_port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(folder / "pulumi-home"),
        "AWS_ENDPOINT_URL": endpoints.cloud_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _program() -> None:
    import pulumi
    import pulumi_aws as aws

    for number in range(VOLUMES):
        volume = aws.ebs.Volume(
            f"volume-{number}", availability_zone="us-east-1a", size=8 + number, tags={"Name": f"v{number}"}
        )
        pulumi.export(f"id-{number}", volume.id)


def _round(root: Path, environment: dict[str, str], backend: Path, name: str) -> dict[str, float]:
    from pulumi import automation

    backend.mkdir(exist_ok=True)
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[stage] = time.perf_counter() - began

    with timed("create/select"):
        options = automation.LocalWorkspaceOptions(
            env_vars=environment,
            secrets_provider="passphrase",
            pulumi_command=automation.PulumiCommand(root=str(root)),
            project_settings=automation.ProjectSettings(
                "speed", "python", backend=automation.ProjectBackend(backend.as_uri())
            ),
        )
        stack = automation.create_or_select_stack(name, "speed", _program, opts=options)
    stack.set_config("aws:region", automation.ConfigValue("us-east-1"))
    with timed("preview"):
        preview = stack.preview()
    with timed("up"):
        made = stack.up()
    with timed("no-op up"):
        again = stack.up()
    with timed("destroy"):
        gone = stack.destroy()
    _check(preview.change_summary, {"create": VOLUMES + 1})
    _check(made.summary.resource_changes, {"create": VOLUMES + 1})
    _check(again.summary.resource_changes, {"same": VOLUMES + 1})
    _check(gone.summary.resource_changes, {"delete": VOLUMES + 1})
    return seconds


def _check(counts: Any, expected: dict[str, int]) -> None:
    plain = {getattr(key, "value", key): count for key, count in dict(counts or {}).items()}
    if plain != expected:
        raise SystemExit(f"the operation did {plain} instead of {expected}: its time says nothing")


def _print(times: dict[str, list[dict[str, float]]]) -> None:
    medians = {
        name: [median(each[stage] for each in rounds) for stage in STAGES] for name, rounds in times.items()
    }
    print(
        f"{'seconds, median of ' + str(len(next(iter(times.values())))):24}"
        + "".join(f"{s:>15}" for s in STAGES)
    )
    for name, figures in medians.items():
        print(f"{name:24}" + "".join(f"{figure:15.2f}" for figure in figures))
    ours, *others = medians.values()
    for other in others:
        ratios = [mine / its for mine, its in zip(ours, other, strict=True)]
        print(f"{'ratio (bar: below 1)':24}" + "".join(f"{ratio:15.2f}" for ratio in ratios))
