"""`pulumi stack export` and `pulumi stack import`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sandbox.engine.backend.checkpoints import features_in
from sandbox.engine.cli.deployment_document import (
    VERSION,
    empty_deployment,
    has_secret,
    used_features,
    with_ciphertext,
    with_plaintext,
)
from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.json_text import compact, indented


def export(session: Session) -> None:
    """Prints the state, secrets in plain text with --show-secrets."""
    reference = session.require_stack()
    document = session.backend.checkpoints.load(reference)
    exported: dict[str, Any] = {"version": VERSION}
    if document is not None:
        features = used_features(document)
        if features:
            exported["features"] = features
        if session.flags.on("show-secrets") and has_secret(document):
            secrets = session.secrets(session.settings(reference), salt_of(document))
            decrypt = secrets.decrypter_of(document.get("secrets_providers"))
            document = with_plaintext(document, decrypt)
        exported["deployment"] = document
    text = indented(exported, indent=4)
    if session.flags.text("file"):
        (session.folder / session.flags.text("file")).write_text(text + "\n", encoding="utf-8")
    else:
        session.print(text)


def import_state(session: Session) -> None:
    """Replaces the state by one that was exported, after checking that it is whole and of this stack."""
    reference = session.require_stack()
    name = session.flags.text("file")
    document = _deployment(_read(session.folder / name) if name else sys.stdin.read())
    problems = _problems(session, document)
    if problems and not session.flags.on("force"):
        raise CommandError(
            "\n".join(problems)
            + "\nimporting this file could be dangerous; rerun with --force to proceed anyway"
        )
    for problem in problems:
        session.note(f"warning: {problem}")
    settings = session.settings(reference)
    if has_secret(document):
        document = _encrypted(session, document, settings_salt=settings.encryption_salt)
    document["manifest"] = empty_deployment(None)["manifest"]
    with session.backend.locks.hold(reference):
        session.backend.checkpoints.save(reference, compact(document), used_features(document))
    session.print("Import complete.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(f"could not open file: open {file.name}: no such file or directory") from None


def _encrypted(session: Session, document: dict[str, Any], settings_salt: str | None) -> dict[str, Any]:
    """The document with its secrets encrypted by the stack's own provider."""
    reference = session.require_stack()
    state = session.backend.checkpoints.load(reference)
    secrets = session.secrets(
        session.settings(reference), settings_salt or salt_of(state) or salt_of(document)
    )
    decrypt = secrets.decrypter_of(document.get("secrets_providers"))
    if salt_of(document) != secrets.salt or secrets.salt is None:
        document = with_plaintext(document, decrypt)
    document = with_ciphertext(document, secrets.encrypt)
    ordered = {"manifest": document.pop("manifest", {}), "secrets_providers": secrets.state()}
    document.pop("secrets_providers", None)
    return {**ordered, **document}


def _deployment(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CommandError(f"could not parse deployment: {error}") from error
    if not isinstance(document, dict):
        raise CommandError("could not parse deployment: it is no map")
    if document.get("version") != VERSION:
        raise CommandError(
            f"the deployment has format version {document.get('version')}; this engine knows {VERSION}"
        )
    deployment = document.get("deployment")
    if deployment is None:
        return empty_deployment(None)
    if not isinstance(deployment, dict):
        raise CommandError("could not parse deployment: 'deployment' is no map")
    features_in(document)
    return deployment


def _problems(session: Session, document: dict[str, Any]) -> list[str]:
    reference = session.require_stack()
    problems = []
    for resource in document.get("resources") or []:
        urn = str(resource.get("urn", ""))
        stack = urn.partition("urn:pulumi:")[2].partition("::")[0]
        if stack != reference.name:
            problems.append(f"resource '{urn}' is from a different stack ({stack} != {reference.name})")
    problems.extend(_broken_rules(document))
    return problems


def _broken_rules(document: dict[str, Any]) -> list[str]:
    from sandbox.engine.checkpoint import CheckpointError, IntegrityError, check_integrity, decode_deployment

    try:
        snapshot = decode_deployment(document, lambda _: "null")
        check_integrity(snapshot)
    except (CheckpointError, IntegrityError, KeyError, ValueError) as error:
        return [f"state file contains errors: {error}"]
    return []
