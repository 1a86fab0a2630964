"""moto fails to delete the versions of a key with a delete marker once versioning is suspended."""

from __future__ import annotations

from moto.s3 import models

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    patches.add(models.FakeDeleteMarker, "dispose", _has_no_content)


def _has_no_content(marker: models.FakeDeleteMarker) -> None:
    del marker
