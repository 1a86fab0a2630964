"""The resources of runctl's own provider for RunPod, as programs declare them. Fields are the API's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

PACKAGE = "runctl-runpod"
TOLD_OF_A_POD = ("dataCenterId", "createdAt", "exited")


class RunpodResource(pulumi.CustomResource):
    """A resource with these ``fields``; None is the same as absent."""

    kind: str

    def __init__(
        self,
        name: str,
        fields: Mapping[str, pulumi.Input[Any] | None],
        opts: pulumi.ResourceOptions | None = None,
        *,
        told: Sequence[str] = (),
    ) -> None:
        given = {field: value for field, value in fields.items() if value is not None}
        outputs: dict[str, Any] = dict.fromkeys(told)
        super().__init__(f"{PACKAGE}:index:{self.kind}", name, {**outputs, **given}, opts)


class Pod(RunpodResource):
    """A pod. Any change replaces it, the old one first: an edit would restart its container anyhow."""

    kind = "Pod"

    def __init__(
        self,
        name: str,
        fields: Mapping[str, pulumi.Input[Any] | None],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, fields, opts, told=TOLD_OF_A_POD)


class NetworkVolume(RunpodResource):
    """A network volume: it can be renamed and grow; in another data centre it is another one."""

    kind = "NetworkVolume"


class Template(RunpodResource):
    """A template of pods."""

    kind = "Template"


class Secret(RunpodResource):
    """A secret of the account. ``value`` must be a secret of Pulumi's."""

    kind = "Secret"
