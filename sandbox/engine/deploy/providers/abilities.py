"""What a provider understands of values, and how they are sent to it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.engine.deploy.wire import Send
from sandbox.engine.properties import PropertyMap, Secret, contains_secrets


@dataclass(frozen=True)
class Abilities:
    """What a provider says that it understands."""

    secrets: bool = False
    resources: bool = False
    preview: bool = False
    byte_strings: bool = False
    outputs: bool = False

    def send(self, *, unknowns: bool, contents: bool = True, outputs: bool = False) -> Send:
        """How to send values: with unknowns, with the contents of assets, with outputs if it knows them."""
        return Send(
            unknowns=unknowns,
            secrets=self.secrets,
            resources=self.resources,
            outputs=outputs and self.outputs,
            asset_contents=contents,
            byte_strings=self.byte_strings,
        )

    def with_secrets_of(self, values: PropertyMap, source: PropertyMap) -> PropertyMap:
        """What it answered, secret where what it was asked with is: for providers that drop the marks."""
        return values if self.secrets else marked_secret(values, source)


def marked_secret(values: PropertyMap, source: PropertyMap) -> PropertyMap:
    """The values, secret where their namesakes in the source are."""
    out = dict(values)
    for key, original in source.items():
        value = out.get(key)
        if key not in out:
            continue
        if isinstance(value, dict) and isinstance(original, dict):
            out[key] = marked_secret(value, original)
        elif not isinstance(value, Secret) and contains_secrets(original):
            out[key] = Secret(value)
    return out
