"""``data loader``: writes the loader for the data of a job file. Makes nothing and needs no stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import CloudError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import DataSource
from runctl_auto.jobs.session import Session
from runctl_auto.transfer.data_listing import MOST_LISTED, DataListing, list_data
from runctl_auto.transfer.loader.writing import Form, LoaderSettings, loader_text
from runctl_auto.transfer.service_rates import LOADER_IN_FLIGHT, workers_of

_TOGETHER = 16
"""Neighbours of a shard that are read with one request."""


@dataclass(frozen=True)
class WrittenLoader:
    """The text of a loader and what it was written for."""

    settings: LoaderSettings
    text: str
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "job": settings.job,
            "source": settings.source,
            "path": settings.path,
            "strategy": settings.strategy,
            "format": settings.form,
            "workers": settings.workers,
            "batch_size": settings.batch_size,
            "loader": self.text,
            "notes": list(self.notes),
        }


def loader_for(
    session: Session, spec: JobSpec, *, path: str | None, form: Form | None, batch_size: int
) -> WrittenLoader:
    """The loader for the data of ``spec`` at ``path``, or for its only data. Lists the first objects, unless
    ``form`` is given.

    Raises ``UsageError`` when the job has no such data, or several.
    """
    source = _source(spec, path)
    notes: list[str] = []
    if form is None:
        form = _form(session, spec, source, notes)
    workers = workers_of(_cpus(session, spec, notes))
    settings = LoaderSettings(
        job=spec.name,
        source=source.source.rstrip("/"),
        path=source.path.rstrip("/"),
        strategy=source.strategy,
        form=form,
        region=spec.region,
        workers=workers,
        in_flight=LOADER_IN_FLIGHT,
        batch_size=batch_size,
        together=1 if form == "files" else _TOGETHER,
    )
    return WrittenLoader(settings, loader_text(settings), tuple(notes))


def _source(spec: JobSpec, path: str | None) -> DataSource:
    found = [each for each in spec.data if path is None or each.path.rstrip("/") == path.rstrip("/")]
    if len(found) == 1:
        return found[0]
    paths = ", ".join(each.path for each in spec.data)
    raise UsageError(
        f"Job '{spec.name}' has data at several paths." if found else f"Job '{spec.name}' has no such data.",
        where={"job": spec.name, "field": "data"},
        next_step=f"Choose one with --path: {paths}." if paths else "Add an entry to data in the job file.",
    )


def _form(session: Session, spec: JobSpec, source: DataSource, notes: list[str]) -> Form:
    try:
        listing = list_data(session.provider(spec.region).bucket, source.source, MOST_LISTED)
    except CloudError as error:
        notes.append(f"the data could not be listed, so one sample a file is assumed: {error.what}")
        return "files"
    if not listing.files:
        notes.append("the source holds nothing yet, so one sample a file is assumed; --format says otherwise")
    return form_of(listing)


def form_of(listing: DataListing) -> Form:
    """The form of data by the names of their objects."""
    if listing.has_chunk_index:
        return "chunks"
    return "tar" if listing.files and listing.suffixes[".tar"] * 2 > listing.files else "files"


def _cpus(session: Session, spec: JobSpec, notes: list[str]) -> int:
    """Of the type that the job prefers."""
    names = spec.resources.instance_types
    try:
        if names:
            return session.provider(spec.region).machine_speed(names[0]).cpus
    except CloudError as error:
        notes.append(f"the workers are those of a machine with 4 CPUs: {error.what}")
    cpu = spec.resources.cpu
    return (cpu.min if cpu is not None else None) or 4
