"""`pulumi import`"""

from __future__ import annotations

from sandbox.engine import urn as urns
from sandbox.engine.cli.errors import ArgumentCountError, CommandError, UnsupportedError
from sandbox.engine.cli.import_file import ImportEntry, ImportFile, imports_of, read_import_file
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import run_operation_command
from sandbox.engine.cli.stack_state import StackState
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.request import OperationKind

_INLINE = ("type", "name", "id")


def run(session: Session) -> None:
    """Takes resources that exist into the stack's state."""
    flags = session.flags
    _ = session.project  # an import without a project says so before anything else
    file = _file(session)
    if flags.on("generate-code"):
        raise UnsupportedError("`pulumi import` with generated code", "add --generate-code=false")
    if flags.text("out"):
        session.note("Output file will not be used as --generate-code is false.")

    def imports(state: StackState) -> tuple[Import, ...]:
        if file.provider_inputs:
            session.note(
                "warning: the 'providerInputs' field is deprecated: declare the provider in 'resources' and "
                "set its configuration via its 'inputs' instead"
            )
        return imports_of(
            file,
            stack=state.reference.name,
            project=session.project.name,
            protect=flags.on("protect"),
            decrypt=state.secrets.decrypt,
        )

    run_operation_command(session, OperationKind.IMPORT, imports)


def _file(session: Session) -> ImportFile:
    flags, given = session.flags, session.arguments
    parent, provider = flags.text("parent"), flags.text("provider")
    properties = tuple(name for text in flags.texts("properties") for name in text.split(",") if name)
    if flags.text("file"):
        if given or parent or provider or properties:
            raise ArgumentCountError(
                "an inline resource may not be specified in conjunction with an import file"
            )
        return read_import_file(flags.text("file"))
    if len(given) > len(_INLINE):
        raise ArgumentCountError("only expected at most three arguments")
    if len(given) < len(_INLINE):
        missing = {0: "type, name, and id", 1: "name and id", 2: "id"}[len(given)]
        raise ArgumentCountError(
            f"an inline resource must be specified if no converter or import file is used, missing {missing}"
        )
    table: dict[str, str] = {}
    parent_name = _named(parent, "parent", table) if parent else ""
    if parent and not urns.is_valid(table[parent_name]):
        raise CommandError(f"invalid parent URN: '{parent}'")
    provider_name = _named(provider, "provider", table) if provider else ""
    kind, name, identity = given
    entry = ImportEntry(
        kind, name, identity, parent=parent_name, provider=provider_name, properties=properties
    )
    return ImportFile([entry], table)


def _named(spec: str, usual: str, table: dict[str, str]) -> str:
    """Puts what `name=URN` or a bare URN stands for into the table of names; the name."""
    name, _, urn = spec.partition("=")
    if not name or not urns.is_valid(urn):
        name, urn = usual, spec
    if name in table:
        raise CommandError(f"provider and parent must have distinct names, both were '{name}'")
    table[name] = urn
    return name
