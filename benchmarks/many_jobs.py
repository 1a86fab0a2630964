"""Many jobs without an engine for each: copies of one that ran."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session

Changes = Callable[[str], Mapping[str, str]]
"""Values of a copy's configuration by full key, by the copy's name."""


def session_of(folder: Path) -> Session:
    """The session of a command in ``folder``, in its sandbox."""
    from runctl_auto.cli.console import Console
    from runctl_auto.cli.invocation import Invocation

    here = Path.cwd()
    os.chdir(folder)
    try:
        return Invocation(Console(), {("sandbox",): True}).session()
    finally:
        os.chdir(here)


def copy_jobs(
    folder: Path,
    template: str,
    numbers: range,
    *,
    running: int,
    ahead: timedelta,
    changes: Changes = lambda _name: {},
) -> None:
    """Copies of the job `template`, named `template-0001` and so on: stack, history, settings, bucket and
    status. The last ``running`` of them run, and were heard of ``ahead`` of now.
    """
    from runctl_auto.jobs.job import parse_config
    from runctl_auto.providers.aws.clients import client_maker

    place = session_of(folder)
    state = Path(place.environment.backend.removeprefix("file://")) / ".pulumi"
    stack = (state / "stacks" / "runctl" / f"{template}.json").read_text()
    history = sorted((state / "history" / "runctl" / template).glob("*.history.json"))[-1]
    settings_file = place.folders.workspace() / f"Pulumi.{template}.yaml"
    settings = settings_file.read_text()
    config = parse_config(place.driver.config_of(template))
    assert config is not None
    where = config.placement
    results = place.provider(where.region).results
    status = results(template, where.account).status(config.run.id)
    s3 = client_maker(place.environment.endpoint_url)("s3", where.region)
    assert status is not None
    whole = re.compile(rf"\b{template}\b")

    for number in numbers:
        name = f"{template}-{number:04}"
        (state / "stacks" / "runctl" / f"{name}.json").write_text(whole.sub(name, stack))
        own = state / "history" / "runctl" / name
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir()
        record = json.loads(whole.sub(name, history.read_text()))
        record["config"].update(changes(name))
        (own / history.name.replace(template, name, 1)).write_text(json.dumps(record))
        settings_file.with_name(f"Pulumi.{name}.yaml").write_text(whole.sub(name, settings))
        bucket = results(name, where.account).name
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket)
        document: dict[str, Any] = {**status.raw, "job": name}
        now = datetime.now(timezone.utc)
        document["updated_at"] = now.isoformat()
        if number >= numbers.stop - running:
            seen = (now + ahead).isoformat()
            machine = {**document["machines"][-1], "seen_at": seen, "ended_at": None}
            document.update(phase="running", ended_at=None, updated_at=seen, machines=[machine])
        s3.put_object(
            Bucket=bucket, Key=f"runs/{config.run.id}/status.json", Body=json.dumps(document).encode()
        )
