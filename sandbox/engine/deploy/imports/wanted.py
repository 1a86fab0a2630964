"""What an import is asked to take into the stack."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.engine.deploy.providers.default_resources import ANY_PLUGIN, PluginSource
from sandbox.engine.properties import PropertyMap


@dataclass(frozen=True)
class Import:
    """One resource to take into the stack.

    A provider (`pulumi:providers:…`) is made from `inputs`; a `component` is recorded as it is, `remote` when
    a provider makes it; everything else exists and is read by its id, unless `outputs` tell its state.
    """

    type: str
    name: str
    identity: str = ""
    parent: str = ""
    """URN; "" for the stack."""
    provider: str = ""
    """URN of an explicit provider; "" for the default one."""
    source: PluginSource = ANY_PLUGIN
    """The plugin of its provider."""
    protect: bool = True
    properties: tuple[str, ...] = ()
    """The inputs to take, () for all."""
    inputs: PropertyMap | None = None
    """Inputs that win where the provider does not tell them; of a provider its configuration."""
    outputs: PropertyMap | None = None
    provider_inputs: PropertyMap | None = None
    """The configuration of `provider`, for one that is not in the stack yet."""
    component: bool = False
    remote: bool = False

    @property
    def managed(self) -> bool:
        """Whether a provider is needed for it."""
        return not self.component or self.remote
