"""Making, selecting, removing and renaming stacks."""

from __future__ import annotations

from sandbox.engine.backend.errors import StackHasResourcesError
from sandbox.engine.backend.reference import StackReference
from sandbox.engine.cli.deployment_document import empty_deployment, used_features
from sandbox.engine.cli.errors import CommandError, ExitCode, UsageError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_renaming import rename_in_document
from sandbox.engine.json_text import compact
from sandbox.engine.secrets.manager import check_supported
from sandbox.engine.settings.config_value import map_secrets


def create(session: Session) -> None:
    """`stack init`: makes a stack and selects it."""
    if session.arguments and session.flags.text("stack"):
        raise UsageError("only one of --stack or argument stack name may be specified, not both")
    name = session.arguments[0] if session.arguments else session.flags.text("stack")
    if not name:
        raise CommandError("missing stack name")
    reference = session.reference(name)
    create_stack(session, reference)
    source = session.flags.text("copy-config-from")
    if source:
        _copy_config(session, session.existing(source), reference)
    if not session.flags.on("no-select"):
        session.select(reference)


def create_stack(session: Session, reference: StackReference) -> None:
    """Makes a stack. Its key is not derived here: that happens at its first secret."""
    provider = session.flags.text("secrets-provider")
    check_supported(provider)
    if reference.project != session.project.name:
        raise CommandError(
            f'provided project name "{reference.project}" doesn\'t match Pulumi.yaml ({session.project.name})'
        )
    settings = session.settings(reference)
    secrets = session.secrets(settings)
    secrets.check_passphrase()
    session.backend.create(reference, compact(empty_deployment(secrets.state())))
    session.note(f"Created stack '{session.shown(reference)}'")


def select(session: Session) -> None:
    """`stack select`: remembers the project's stack, making it with --create."""
    if session.arguments and session.flags.text("stack"):
        raise UsageError("only one of --stack or argument stack name may be specified, not both")
    name = session.arguments[0] if session.arguments else session.flags.text("stack")
    if not name:
        raise CommandError("no stack selected; specify a stack name with --stack", ExitCode.NO_SUCH_STACK)
    reference = session.reference(name)
    if session.flags.on("create") and not session.backend.checkpoints.exists(reference):
        create_stack(session, reference)
    session.select(session.existing(name))


def unselect(session: Session) -> None:
    """`stack unselect`: forgets which stack is selected."""
    if session.selected is None:
        session.print("No stack was selected")
        return
    session.select(None)
    session.print("Stack was unselected")


def remove(session: Session) -> None:
    """`stack rm`: removes an empty stack with its history and settings file."""
    if session.arguments and session.flags.text("stack"):
        raise UsageError("only one of --stack or argument stack name may be specified, not both")
    reference = session.existing(session.arguments[0]) if session.arguments else session.require_stack()
    shown = session.shown(reference)
    if not session.flags.on("yes"):
        if not session.interactive:
            raise CommandError(
                "--yes must be passed in to proceed when running in non-interactive mode",
                ExitCode.BAD_CONFIGURATION,
            )
        session.confirm(
            f"This will permanently remove the '{shown}' stack!\n"
            f"Please confirm that this is what you'd like to do by typing `{shown}`:",
            shown,
        )
    remove_stack(
        session,
        reference,
        force=session.flags.on("force"),
        keep_settings=session.flags.on("preserve-config"),
        with_backups=session.flags.on("remove-backups"),
    )
    session.print(f"Stack '{shown}' has been removed!")


def remove_stack(
    session: Session,
    reference: StackReference,
    *,
    force: bool,
    keep_settings: bool,
    with_backups: bool = False,
) -> None:
    """Removes a stack, its settings file and the selection of it."""
    shown = session.shown(reference)
    was_selected = session.selected == reference if session.project_if_any is not None else False
    try:
        session.backend.remove(reference, force=force, with_backups=with_backups)
    except StackHasResourcesError as error:
        raise CommandError(
            f"'{shown}' still has resources; removal rejected. Possible actions:\n"
            f"- Make sure that '{shown}' is the stack that you want to destroy\n"
            "- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`\n"
            "- Run `pulumi stack rm --force` to override this error"
        ) from error
    project = session.project_if_any
    if project is not None and project.name == reference.project and not keep_settings:
        project.stack_settings_file(reference.name).unlink(missing_ok=True)
    if was_selected:
        session.select(None)


def rename(session: Session) -> None:
    """`stack rename`: gives a stack, its resources' URNs, its history and its settings file a new name."""
    old = session.require_stack()
    new = session.reference(session.arguments[0])
    document = session.backend.checkpoints.load(old)
    text, features = None, []
    if document is not None:
        renamed = rename_in_document(document, old, new)
        text, features = compact(renamed), used_features(renamed)
    was_selected = session.selected == old
    session.backend.rename(old, new, text, features)
    _move_settings(session, old, new)
    if was_selected:
        session.select(new)
    session.print(f"Renamed {session.shown(old)} to {session.shown(new)}")


def _move_settings(session: Session, old: StackReference, new: StackReference) -> None:
    source = session.project.stack_settings_file(old.name)
    if source.exists() and old.project == new.project == session.project.name:
        source.replace(source.with_name(f"Pulumi.{new.name}{source.suffix}"))


def _copy_config(session: Session, source: StackReference, destination: StackReference) -> None:
    origin, target = session.settings(source), session.settings(destination)
    reader, writer = session.secrets(origin), session.secrets(target)
    for key, value in origin.sorted_config():
        copied = map_secrets(value, lambda text: {"secure": writer.encrypt(reader.decrypt(text))})
        target.set(key, copied)
    target.save()
