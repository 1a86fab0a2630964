"""A stack's new name within its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.backend.reference import StackReference
from sandbox.engine.cli.document_urns import rewrite_urns
from sandbox.engine.model import STACK_TYPE


def rename_in_document(
    document: Mapping[str, Any], old: StackReference, new: StackReference
) -> dict[str, Any]:
    """The deployment document with every URN of the old stack under its new name and project."""
    before, after = f"urn:pulumi:{old.name}::{old.project}::", f"urn:pulumi:{new.name}::{new.project}::"
    root_before = f"{before}{STACK_TYPE}::{old.project}-{old.name}"
    root_after = f"{after}{STACK_TYPE}::{new.project}-{new.name}"

    def rename(urn: str) -> str:
        if urn == root_before:
            return root_after
        return after + urn[len(before) :] if urn.startswith(before) else urn

    return rewrite_urns(document, rename)
