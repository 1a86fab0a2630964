"""Rejects options by which resources would outlive their stack unnoticed: leaks by design."""

from __future__ import annotations

import pulumi


class RetentionRefusedError(Exception):
    """A resource has an option to stay in the cloud when it is deleted; the message names it and the
    alternative.
    """


def refuse_retention() -> None:
    """From now on, registering a resource of this program with ``retain_on_delete`` or ``deleted_with``
    raises ``RetentionRefusedError``. Call it before the first resource.
    """
    pulumi.runtime.register_stack_transformation(_refused)


def without_retention(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """``opts`` of a component in whose children these options are refused in the same way; for a component
    provider, which has no stack of its own.
    """
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[_refused]))


def _refused(args: pulumi.ResourceTransformationArgs) -> None:
    for option, is_used in (
        ("retain_on_delete", bool(args.opts.retain_on_delete)),
        ("deleted_with", args.opts.deleted_with is not None),
    ):
        if is_used:
            raise RetentionRefusedError(
                f"{args.name} ({args.type_}) has the option {option}, which leaves it in the cloud when it "
                "is deleted. Remove the option; what must stay is protected (protect: true in the job file)."
            )
