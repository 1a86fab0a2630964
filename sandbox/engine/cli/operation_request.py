"""What the command line asks of the engine."""

from __future__ import annotations

from sandbox.engine.cli.errors import CommandError, UnsupportedError, UsageError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_state import StackState
from sandbox.engine.cli.truth import is_truthy
from sandbox.engine.deploy.request import OperationKind, OperationRequest, Options, Program


def operation_request(
    session: Session, state: StackState, kind: OperationKind, *, preview_only: bool = False
) -> OperationRequest:
    """The request for one operation (or for the plan of it)."""
    project = session.project
    if project.unsupported:
        raise UnsupportedError(f"the section `{project.unsupported[0]}` of {project.file}")
    client = session.flags.text("client")
    program = Program(
        root=project.root,
        runtime=project.runtime,
        runtime_options=project.runtime_options,
        main=project.main,
        client_address=client or None,
        plugins=project.plugins,
    )
    return OperationRequest(
        kind=kind,
        project=project.name,
        stack=state.reference.name,
        program=program,
        config=state.config,
        secret_keys=state.secret_keys,
        options=_options(session),
        environment=session.environment,
        preview_only=preview_only,
    )


def _options(session: Session) -> Options:
    flags = session.flags
    both = flags.texts("target-replace")
    if flags.texts("exclude") and (flags.texts("target") or both):
        given = "target" if flags.texts("target") else "target-replace"
        raise UsageError(
            f"if any flags in the group [{given} exclude] are set none of the others can be; "
            f"[exclude {given}] were all set"
        )
    packs = _comma_separated(flags.texts("policy-pack"))
    configs = _comma_separated(flags.texts("policy-pack-config"))
    if configs and not packs:
        raise CommandError('"--policy-pack-config" must be specified with "--policy-pack"')
    if configs and len(configs) != len(packs):
        raise CommandError(
            'the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags'
        )
    if flags.on("exclude-protected") and flags.texts("target"):
        raise UsageError("you cannot specify --target and --exclude-protected")
    return Options(
        parallel=_parallel(flags.number("parallel")),
        targets=(*flags.texts("target"), *both),
        target_dependents=flags.on("target-dependents"),
        excludes=flags.texts("exclude"),
        exclude_dependents=flags.on("exclude-dependents"),
        exclude_protected=flags.on("exclude-protected"),
        replace=(*flags.texts("replace"), *both),
        refresh=_refresh(session),
        run_program=flags.on("run-program") or is_truthy(session.environment.get("PULUMI_RUN_PROGRAM", "")),
        continue_on_error=flags.on("continue-on-error")
        or is_truthy(session.environment.get("PULUMI_CONTINUE_ON_ERROR", "")),
        clear_pending_creates=flags.on("clear-pending-creates"),
        skip_pending_creates=flags.on("skip-pending-creates"),
        import_pending_creates=_pairs(flags.texts("import-pending-creates")),
        policy_packs=packs,
        policy_pack_configs=configs,
    )


def _parallel(wanted: int) -> int:
    return wanted if wanted > 0 else 1


def _refresh(session: Session) -> bool:
    value = session.flags.text("refresh")
    if not value:
        return session.project.always_refreshes
    if value.lower() in ("1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise CommandError(f"could not determine value for --refresh: {value!r} is neither true nor false")


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    if len(texts) % 2:
        raise UsageError("each URN given to --import-pending-creates must be followed by an id")
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _comma_separated(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for text in texts for part in text.split(",") if part)
