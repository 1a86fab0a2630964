"""A provider of components over gRPC, for tests of the engine: a box holds a toy, and can say a word."""

from __future__ import annotations

import sys
from typing import Any

import pulumi
from pulumi import provider


class Toy(pulumi.CustomResource):
    out: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions, **inputs: Any) -> None:
        super().__init__("toy:index:Thing", name, {"out": None, **inputs}, opts)


class Box(pulumi.ComponentResource):
    def __init__(self, name: str, inputs: Any, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__("box:index:Box", name, {}, opts)
        toy = Toy(f"{name}-toy", pulumi.ResourceOptions(parent=self), **inputs)
        self.state = {"out": toy.out, "label": pulumi.Output.secret("hidden")}
        self.register_outputs(self.state)


class Boxes(provider.Provider):
    def construct(self, name: str, resource_type: str, inputs: Any, options: Any = None) -> Any:
        if name == "wrong":
            raise pulumi.InputPropertyError("size", "too big")
        box = Box(name, inputs, options)
        return provider.ConstructResult(urn=box.urn, state=box.state)

    def call(self, token: str, args: Any) -> Any:
        if token.endswith("/fail"):
            raise ValueError("cannot speak")
        word = pulumi.Output.from_input(args["word"])
        return provider.CallResult(outputs={"said": word.apply(lambda text: f"<{text}>")})


if __name__ == "__main__":
    provider.main(Boxes("1.0.0"), sys.argv[1:])
