"""``runctl permissions``."""

from __future__ import annotations

import re

import click

from runctl_auto.cli.invocation import Invocation

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
_PARAMETER = re.compile(r"(ssm:)?(?P<name>/[A-Za-z0-9_./-]{1,1000})")


def _account(context: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001
    if not re.fullmatch(r"\d{12}", value):
        raise click.BadParameter("an account is twelve digits")
    return value


def _parameters(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: tuple[str, ...],
) -> tuple[str, ...]:
    found = [(each, _PARAMETER.fullmatch(each)) for each in value]
    wrong = [each for each, match in found if match is None]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not a parameter's name, such as /images/training")
    return tuple(match["name"] for _, match in found if match is not None)


def _repositories(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: tuple[str, ...],
) -> tuple[str, ...]:
    wrong = [each for each in value if not _REPOSITORY.fullmatch(each)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not a repository's name, such as team/train")
    return value


@click.command(help="Print the minimal IAM policy for a user of runctl.")
@click.option(
    "--role",
    type=click.Choice(["plan", "apply", "sweep", "reach", "runpod"]),
    default="apply",
    show_default=True,
    help="plan: preview and read; apply: create and delete jobs; sweep: delete leaked resources; "
    "reach: what exec, ps, shell and forward need beside one of these; runpod: what jobs on RunPod need "
    "beside one of these.",
)
@click.option("--account", callback=_account, required=True, help="The 12-digit account id.")
@click.option("--region", required=True, help="The region, such as us-east-1.")
@click.option(
    "--image-parameter",
    "image_parameters",
    multiple=True,
    callback=_parameters,
    metavar="NAME",
    help="A parameter of the account that jobs name as `image: ssm:NAME`. Repeatable.",
)
@click.option(
    "--container-repository",
    "repositories",
    multiple=True,
    callback=_repositories,
    metavar="NAME",
    help="A repository of the account's container registry that jobs name as their image. Repeatable.",
)
@click.option(
    "--session-log-group",
    metavar="NAME",
    help="With reach: the settings' sessions.log_group.",
)
@click.option(
    "--session-log-bucket",
    metavar="BUCKET[/PREFIX]",
    help="With reach: the settings' sessions.log_bucket.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    role: str,
    account: str,
    region: str,
    *,
    image_parameters: tuple[str, ...],
    repositories: tuple[str, ...],
    session_log_group: str | None,
    session_log_bucket: str | None,
) -> None:
    import json

    from runctl_auto.permissions.document import Place, policy_document
    from runctl_auto.providers.aws.permissions.grant import ROLES, SEPARATE

    partition = next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
    chosen = next(each for each in (*ROLES, *SEPARATE) if each == role)
    place = Place(
        account,
        region,
        partition,
        image_parameters,
        session_log_group,
        session_log_bucket,
        container_repositories=repositories,
    )
    document = policy_document(chosen, place)
    invocation.console.result(document)
    invocation.console.line(json.dumps(document, indent=2))
