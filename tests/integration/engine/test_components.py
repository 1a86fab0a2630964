"""Components that a provider makes, and calls of their methods."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

BOX_PROVIDER = Path(__file__).parents[2] / "support" / "box_provider.py"
BOX = """
class Box(pulumi.ComponentResource):
    out: pulumi.Output[str]
    label: pulumi.Output[str]
    def __init__(self, name, opts=None, **inputs):
        super().__init__("box:index:Box", name, {"out": None, "label": None, **inputs}, opts, remote=True)
    def call(self, method, word):
        return pulumi.runtime.call("box:index:Box/" + method, {"__self__": self, "word": word}, self)
"""


@pytest.fixture
def boxes(project: Any) -> Any:
    """A project that brings the provider of boxes along."""
    folder = project.folder / "box"
    folder.mkdir()
    (folder / "PulumiPlugin.yaml").write_text("runtime: python\n")
    shutil.copy(BOX_PROVIDER, folder / "__main__.py")
    project.settings(plugins={"providers": [{"name": "box", "path": "./box"}]})
    return project


def test_a_provider_makes_components_whose_outputs_and_methods_the_program_uses(boxes: Any) -> None:
    boxes.program(
        BOX
        + """
def noted(args):
    if args.type_ == "toy:index:Thing":
        return pulumi.ResourceTransformResult({**args.props, "noted": args.name}, args.opts)
base = Thing("base", size=7)
box = Box("b", Options(protect=True, transforms=[noted]), size=base.out, secret=pulumi.Output.secret("psst"))
said = box.call("say", base.out).apply(lambda answer: answer["said"])
pulumi.export("out", box.out)
pulumi.export("label", box.label)
pulumi.export("said", said)
Thing("user", of=box.out, said=said)
"""
    )
    assert "    + 5 to create\n" in boxes.pulumi("preview")
    boxes.up()
    box, toy, user = (boxes.resource(name) for name in ("b", "b-toy", "user"))
    assert (box["type"], box["custom"], box["protect"]) == ("box:index:Box", False, True)
    assert (toy["parent"], toy["protect"]) == (box["urn"], True)
    assert boxes.provider.cloud["b-toy-1"] == {
        "size": "out-base-1",
        "secret": "psst",
        "noted": "b-toy",
    }
    assert "ciphertext" in toy["inputs"]["secret"]
    base = boxes.resource("base")["urn"]
    assert toy["propertyDependencies"]["size"] == [base]
    assert set(user["propertyDependencies"]["of"]) == {box["urn"], toy["urn"]}
    assert boxes.outputs() == {"out": "out-b-toy-1", "label": "[secret]", "said": "<out-base-1>"}
    boxes.up("--expect-no-changes")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            'Box("wrong", size=5)',
            "box:index:Box resource 'wrong' has a problem: \n"
            "           \t\t- property size with value '{5}' has a problem: too big",
        ),
        pytest.param(
            'Box("b").call("fail", "x")',
            "call to function 'box:index:Box/fail' failed: Unexpected <class 'Exception'>: cannot speak",
            marks=pytest.mark.matrix,
        ),
    ],
)
def test_what_a_provider_refuses_ends_the_update_with_its_words(
    boxes: Any, program: str, message: str
) -> None:
    boxes.program(BOX + program)
    told = boxes.up(code=1)
    assert " ".join(message.split()) in " ".join(told.split())
