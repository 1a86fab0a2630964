"""Which protection a job is to have: by its file, by ``runctl protect``, by the list in the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from runctl_auto.job_file.spec import PROTECTION_TAGS, JobSpec
from runctl_auto.protection.held import BUCKET_KEY, Held, volume_key
from runctl_auto.stack.config import Protection


@dataclass(frozen=True)
class Word:
    """Whether something is to be protected, and who says so."""

    protect: bool
    by: str


def wanted_protection(
    spec: JobSpec,
    *,
    asked: Mapping[str, bool] | None = None,
    listed: Collection[str] = (),
    held: Collection[Held] = (),
) -> Protection:
    """The protection that all words together ask for.

    ``asked`` is what ``runctl protect|unprotect`` said, by key; ``listed`` are the ids that the settings
    protect; ``held`` is what exists. Words about volumes that the job no longer has are dropped.
    """
    words = spoken(spec, asked=asked, listed=listed, held=held)
    return Protection(
        volumes={volume.name: words[volume_key(volume.name)].protect for volume in spec.volumes},
        bucket=words[BUCKET_KEY].protect,
        asked={key: value for key, value in (asked or {}).items() if key in words},
    )


def spoken(
    spec: JobSpec,
    *,
    asked: Mapping[str, bool] | None = None,
    listed: Collection[str] = (),
    held: Collection[Held] = (),
) -> dict[str, Word]:
    """The word that counts for each volume of the job and for its bucket, by key.

    The settings' list comes before what a person asked of this job, and that before the job file.
    """
    ids = {each.key: each.id for each in held}
    whole_job = is_protected_by_tag(spec.tags)
    of_file = {volume_key(volume.name): volume.protect for volume in spec.volumes}
    of_file[BUCKET_KEY] = spec.artifacts.keep
    words = {}
    for key, protect in of_file.items():
        if ids.get(key) in listed:
            words[key] = Word(True, "policies.protected in the settings")
        elif asked and key in asked:
            words[key] = Word(asked[key], f"runctl {'protect' if asked[key] else 'unprotect'}")
        elif whole_job:
            words[key] = Word(True, "a tag of the job")
        else:
            words[key] = Word(protect, "the job file")
    return words


def is_protected_by_tag(tags: Mapping[str, str]) -> bool:
    """Whether a tag that means protection has a value that means yes."""
    return any(tags.get(key, "").strip().lower() in ("true", "yes", "1", "on") for key in PROTECTION_TAGS)
