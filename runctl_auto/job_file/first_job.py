"""Generates a first job file for a folder: detects what trains there, and sets sensible limits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from runctl_auto.local.printable import printable

SpotPolicy = Literal["spot", "on-demand", "auto"]

_SCRIPTS = ("train.py", "main.py", "run.py")
_NOTHING_TO_TRAIN = 'echo "nothing to train yet" > "$RUNCTL_OUTPUT_DIR/result.txt"'
_PLAIN = re.compile(r"[A-Za-z./][^:#\n\"'{}\[\],&*!|>%@`\\]*")


@dataclass(frozen=True)
class FirstJob:
    """The content of a first job file."""

    name: str
    run: str
    setup: str | None
    region: str
    spot_policy: SpotPolicy


def suggested_name(folder: Path) -> str:
    """A job name derived from the folder's name."""
    return name_from(folder.resolve().name)


def name_from(text: str) -> str:
    """The job name that is nearest to ``text``."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    name = "-".join(words).lstrip("0123456789-")[:40].rstrip("-")
    return name if len(name) >= 2 else "first-job"


def suggested_command(folder: Path) -> tuple[str, str | None]:
    """The likely training command in ``folder``, and the setup that it needs."""
    script = next((each for each in _SCRIPTS if (folder / each).is_file()), None)
    if script is None:
        return _NOTHING_TO_TRAIN, None
    if (folder / "requirements.txt").is_file():
        packages = "-r requirements.txt"
    elif (folder / "pyproject.toml").is_file():
        packages = "."
    else:
        return f"python3 {script}", None
    setup = f"python3 -m venv .venv\n.venv/bin/pip install --quiet {packages}\n"
    return f".venv/bin/python {script}", setup


def job_text(job: FirstJob, schema: str) -> str:
    """The job file; ``schema`` is the path of the schema for editors, relative to the job file's folder."""
    setup = "" if job.setup is None else f"setup: {_written(job.setup)}\n"
    return f"""\
# yaml-language-server: $schema={schema}
# Check it with `runctl validate`, try it with `runctl --sandbox up`. `runctl schema` prints all fields.
name: {_written(job.name)}
provider: aws
region: {job.region}
workdir: .  # travels to the machine, but for what .gitignore names
{setup}run: {_written(job.run)}
resources:
  instance_types: [m5.large, t3.medium]  # the preferred first; or gpu: A10G:1
  disk: 20GB
spot_policy: {job.spot_policy}  # spot, on-demand, or auto: spot first
max_duration: 1h
# What the command writes to this folder is saved; a new machine goes on with it.
checkpoints: {{path: checkpoints, every: 60s, keep: 3}}
# What it writes to the folder $RUNCTL_OUTPUT_DIR comes home, and so do these:
artifacts: {{paths: []}}
"""


def _written(text: str) -> str:
    """``text`` quoted as YAML requires."""
    if "\n" in text and text.isascii() and all(each.isprintable() for each in text.split("\n")):
        lines = text.rstrip("\n").split("\n")
        if lines[0].strip() and not lines[0].startswith(" "):
            return "|\n" + "\n".join(f"  {line}" if line else "" for line in lines)
    is_plain = text.isprintable() and _PLAIN.fullmatch(text) and yaml.safe_load(text) == text
    return text if is_plain else printable(json.dumps(text, ensure_ascii=False))
