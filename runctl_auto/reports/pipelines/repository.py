"""The files of a repository of jobs: a first job, policies, settings, and pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from runctl_auto.errors import UsageError
from runctl_auto.local.project import leads_out

Forge = Literal["github", "gitlab"]
FORGES: tuple[Forge, ...] = get_args(Forge)
JOBS = "jobs"

_PIPELINES: Mapping[Forge, Mapping[str, str]] = {
    "github": {
        ".github/workflows/runctl-plan.yaml": "github/plan.yaml",
        ".github/workflows/runctl-apply.yaml": "github/apply.yaml",
        ".github/workflows/runctl-nightly.yaml": "github/nightly.yaml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab/gitlab-ci.yaml"},
}
_OWN: Mapping[str, str] = {
    f"{JOBS}/first.yaml": "first_job/job.yaml",
    "training/first/train.py": "first_job/train.py",
    "policies.yaml": "first_job/policies.yaml",
    "README.md": "first_job/README.md",
}
_IGNORED = "# Keys and states of one machine, and results that were brought home.\n.runctl/\nruns/\n"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PLACE = re.compile(r"@([A-Z]+)@")


@dataclass(frozen=True, kw_only=True)
class RepositoryOptions:
    """``owner`` is whose jobs they are: everyone's who works in the repository."""

    owner: str
    region: str
    forges: Sequence[Forge] = ("github",)


@dataclass(frozen=True)
class Scaffolded:
    """The files that were ``written`` and those that were there and are ``kept``, relative to the folder."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def repository_files(options: RepositoryOptions) -> dict[str, str]:
    """The text of each file, by its path with slashes."""
    return dict(_files(options))


def scaffold(folder: Path, options: RepositoryOptions) -> Scaffolded:
    """Writes the files into ``folder``, which need not exist. What is there already stays as it is.

    Raises ``UsageError`` for a region that is none, or a link that leads out of the folder, before anything
    is written.
    """
    if _REGION.fullmatch(options.region) is None:
        raise UsageError(f"{options.region!r} is no region.", next_step="Name one, such as us-east-1.")
    files = repository_files(options)
    for name in files:
        if leads_out(folder, folder / name):
            raise UsageError(
                f"{folder / name} leads out of {folder}; nothing was written.",
                where={"file": str(folder / name)},
                next_step="Remove the link.",
            )
    written: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        try:
            is_new = _write_new(folder / name, text)
        except OSError as error:
            raise UsageError(
                f"{folder / name} cannot be written: {error.strerror}.",
                where={"file": str(folder / name)},
                next_step=f"Repeat once that is possible; {len(written)} files were written.",
            ) from error
        (written if is_new else kept).append(name)
    return Scaffolded(tuple(written), tuple(kept))


def _files(options: RepositoryOptions) -> Iterator[tuple[str, str]]:
    values = {"VERSION": version("runctl"), "FOLDER": JOBS, "REGION": options.region}
    yield ".gitignore", _IGNORED
    yield ".runctl.toml", f'owner = "{options.owner}"\n'
    pipelines = [item for forge in options.forges for item in _PIPELINES[forge].items()]
    for name, template in (*_OWN.items(), *pipelines):
        text = resources.files(__package__).joinpath(template).read_text(encoding="utf-8")
        yield name, _PLACE.sub(lambda found: values[found[1]], text)


def _write_new(path: Path, text: str) -> bool:
    """Whether the file was written; it is not when anything is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True
