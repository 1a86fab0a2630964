"""Projects of all kinds, from the command line to the provider and back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

TOY_PROVIDER = Path(__file__).parents[2] / "support" / "toy_provider.py"
THREE = """
group = Group("g")
a = Thing("a", value=1, opts=Options(parent=group))
b = Thing("b", value=2.5, ref=a.out, opts=Options(depends_on=[group]))
pulumi.export("b", b.out)
"""


def test_life_of_a_project(project: Any) -> None:
    project.program(THREE)
    preview = project.pulumi("preview")
    assert "+ 4 to create" in preview
    assert project.provider.cloud == {}

    project.up()
    assert project.provider.cloud == {
        "a-1": {"value": 1, "size": 1},
        "b-1": {"value": 2.5, "ref": "out-a-1", "size": 1},
    }
    assert project.outputs() == {"b": "out-b-1"}

    project.provider.forget_calls()
    assert "4 unchanged" in project.up()
    assert project.provider.calls("create", "update", "delete") == []

    project.program(THREE.replace("value=1", "value=3"))
    project.up()
    assert project.provider.cloud["a-1"] == {"value": 3, "size": 1}

    project.program(THREE.replace("value=1", "value=3, key=1"))
    project.up()
    assert set(project.provider.cloud) == {"a-2", "b-1"}
    assert project.provider.cloud["b-1"]["ref"] == "out-a-2"

    project.destroy()
    assert project.provider.cloud == {}
    assert "resources" not in project.state()


def test_whole_numbers_stay_whole(project: Any) -> None:
    project.program('Thing("a", count=3, list=[1, 2.5, True])')
    project.up()
    assert '"inputs":{"count":3,"list":[1,2.5,true],"size":1}' in project.checkpoint.read_text()


def test_secrets_are_nowhere_in_the_clear(project: Any) -> None:
    project.pulumi("config", "set", "--secret", "password", "config-s3cret")
    project.program(
        """
config = pulumi.Config()
a = Thing("a", password=config.require_secret("password"), plain="visible")
pulumi.export("password", a.password if hasattr(a, "password") else config.require_secret("password"))
pulumi.export("token", pulumi.Output.secret("output-s3cret"))
"""
    )
    shown = project.up()
    for file in project.state_folder.rglob("*"):
        if file.is_file():
            text = file.read_text()
            assert "config-s3cret" not in text
            assert "output-s3cret" not in text
    assert "s3cret" not in shown
    assert project.provider.cloud["a-1"]["password"] == "config-s3cret"
    assert project.outputs()["token"] == "[secret]"
    assert project.outputs("--show-secrets")["token"] == "output-s3cret"


def test_an_unchanged_stack_keeps_its_ciphertexts(project: Any) -> None:
    project.program('Thing("a", password=pulumi.Output.secret("x"))\nThing("b", value=1)')
    project.up()
    before = project.resource("a")
    project.program('Thing("a", password=pulumi.Output.secret("x"))\nThing("b", value=2)')
    project.up()
    assert project.resource("a")["outputs"] == before["outputs"]


def test_default_providers_take_their_configuration_from_the_stack(project: Any) -> None:
    project.pulumi("config", "set", "toy:region", "north")
    project.program('Thing("a")')
    project.up()
    configured = project.provider.calls("configure")[-1]
    assert configured["inputs"] == {"region": "north"}
    assert configured["variables"] == {"toy:config:region": "north"}


def test_every_provider_resource_has_its_own_connection(project: Any) -> None:
    project.program(
        """
for region in ("north", "south"):
    Thing(f"in-{region}", opts=Options(provider=Toys(region, region=region)))
"""
    )
    project.up()
    regions = [call["inputs"].get("region") for call in project.provider.calls("configure")]
    assert sorted(regions) == ["north", "south"]
    for call in ("handshake", "attach", "cancel"):
        assert len(project.provider.calls(call)) == 2
    assert project.provider.calls("attach")[0]["engine"].startswith("127.0.0.1:")


def test_components_hand_their_provider_to_children(project: Any) -> None:
    project.program(
        """
north = Toys("north", region="north")
group = Group("g", Options(providers={"toy": north}))
Thing("a", opts=Options(parent=group))
"""
    )
    project.up()
    assert "::north::" in project.resource("a")["provider"]


def test_a_provider_that_is_nowhere_is_named(project: Any) -> None:
    project.environment["PULUMI_DEBUG_PROVIDERS"] = ""
    project.program('Thing("a")')
    output = project.up(code=1)
    assert "Could not find plugin for provider 'toy'" in output
    assert "pulumi-resource-toy" in output


def test_a_provider_on_path_is_started_and_ended(project: Any, tmp_path: Path) -> None:
    folder, binaries = tmp_path / "own", tmp_path / "bin"
    folder.mkdir()
    binaries.mkdir()
    (folder / "cloud.json").write_text("{}")
    script = binaries / "pulumi-resource-toy"
    script.write_text(
        f"#!/bin/sh\necho $$ > {folder}/pid\nexec {sys.executable} {TOY_PROVIDER} {folder} --until-ended\n"
    )
    script.chmod(0o755)
    project.environment["PULUMI_DEBUG_PROVIDERS"] = ""
    project.environment["PATH"] = f"{binaries}:{project.environment['PATH']}"
    project.program('Thing("a")')
    project.up()
    assert json.loads((folder / "cloud.json").read_text()) == {"a-1": {"size": 1}}
    assert not Path(f"/proc/{(folder / 'pid').read_text().strip()}").exists()


def test_functions_and_their_unknown_and_secret_arguments(project: Any) -> None:
    project.program(
        """
answer = pulumi.runtime.invoke("toy:index:echo", {"x": 1, "s": pulumi.Output.secret("q")})
pulumi.export("x", answer.value["x"])
a = Thing("a")
later = pulumi.Output.from_input(a.out).apply(
    lambda out: pulumi.runtime.invoke("toy:index:echo", {"x": out}).value["x"])
pulumi.export("later", later)
"""
    )
    project.pulumi("preview")
    project.up()
    assert project.outputs()["later"] == "out-a-1"
    assert project.outputs()["x"] == 1


def test_a_stack_reads_another(project: Any, another_project: Any) -> None:
    project.program('pulumi.export("open", 1)\npulumi.export("hidden", pulumi.Output.secret("h"))')
    project.up()
    reader = another_project("reader")
    reader.program(
        """
other = pulumi.StackReference("organization/toys/dev")
pulumi.export("open", other.get_output("open"))
pulumi.export("hidden", other.get_output("hidden"))
"""
    )
    reader.up()
    assert reader.outputs() == {"open": 1, "hidden": "[secret]"}
    assert reader.outputs("--show-secrets")["hidden"] == "h"


def test_the_program_may_be_in_a_folder_of_its_own(project: Any) -> None:
    project.settings(main="code/")
    project.program('import os\npulumi.export("where", os.path.basename(os.getcwd()))', "code/__main__.py")
    project.up()
    assert project.outputs() == {"where": "code"}


def test_what_the_program_prints_is_shown(project: Any) -> None:
    project.program(
        'import sys\nprint("to stdout")\nprint("to stderr", file=sys.stderr)\npulumi.log.warn("take care")'
    )
    output = project.up()
    assert "to stdout" in output
    assert "to stderr" in output
    assert "warning: take care" in output


def test_a_failing_program_shows_its_own_traceback(project: Any) -> None:
    project.program('Thing("a")\ndef deep():\n    raise ValueError("broken here")\ndeep()')
    output = project.up(code=1)
    assert "Program failed with an unhandled exception" in output
    assert 'raise ValueError("broken here")' in output
    assert "runpy" not in output


def test_a_program_that_exits_is_an_error(project: Any) -> None:
    project.program("import os\nos._exit(3)")
    assert "program exited with non-zero exit code: 3" in project.up(code=1)


def test_a_missing_program_is_named(project: Any) -> None:
    assert "__main__.py" in project.up(code=1)


def test_wrong_inputs_are_explained(project: Any) -> None:
    project.provider.orders(fail={"check": ["a"]})
    project.program('Thing("a", size=7)')
    output = project.up(code=1)
    assert "toy:index:Thing resource 'a': property size value {7} has a problem: wrong size" in output


def test_a_half_made_resource_is_completed_later(project: Any) -> None:
    project.provider.orders(half=["a"])
    project.program('Thing("a")')
    output = project.up(code=1)
    assert "not ready" in output
    assert project.resource("a")["initErrors"] == ["not ready"]
    project.provider.orders()
    project.up()
    assert "initErrors" not in project.resource("a")
    assert set(project.provider.cloud) == {"a-1"}


def test_assets_have_pulumis_hashes_and_files_that_stay_change_nothing(project: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "b.txt").write_text("bee")
    (tree / "sub" / "a.txt").write_text("ay")
    text = f"""
Thing("a", text=pulumi.StringAsset("hello"), file=pulumi.FileAsset("{tree}/b.txt"),
      tree=pulumi.FileArchive("{tree}"),
      mixed=pulumi.AssetArchive({{"x": pulumi.StringAsset("1"), "deep": pulumi.FileArchive("{tree}")}}))
"""
    project.program(text)
    project.up()
    inputs = project.resource("a")["inputs"]
    assert inputs["text"]["hash"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert inputs["text"]["text"] == "hello"
    project.provider.forget_calls()
    project.up()
    assert project.provider.calls("update", "create") == []
    (tree / "sub" / "a.txt").write_text("changed")
    project.up()
    assert [call["call"] for call in project.provider.calls("update", "create")] == ["update"]


def test_transforms_change_resources_and_functions(project: Any) -> None:
    project.program(
        """
def own(args):
    return pulumi.ResourceTransformResult(props={**args.props, "own": args.name}, opts=args.opts)

def every(args):
    if args.type_ != "toy:index:Thing":
        return None
    opts = pulumi.ResourceOptions.merge(args.opts, Options(protect=args.name == "a"))
    return pulumi.ResourceTransformResult(props={**args.props, "every": True}, opts=opts)

def functions(args):
    return pulumi.InvokeTransformResult(args={**args.args, "added": 1}, opts=args.opts)

pulumi.runtime.register_resource_transform(every)
pulumi.runtime.register_invoke_transform(functions)
first = Thing("first")
group = Group("g", Options(transforms=[own]))
a = Thing("a", ref=first.out, opts=Options(parent=group))
answer = pulumi.runtime.invoke("toy:index:echo", {"x": 1})
pulumi.export("added", answer.value["added"])
"""
    )
    project.up()
    assert project.provider.cloud["first-1"] == {"every": True, "size": 1}
    assert project.provider.cloud["a-1"] == {"every": True, "own": "a", "ref": "out-first-1", "size": 1}
    assert project.resource("a")["protect"] is True
    assert project.resource("a")["propertyDependencies"]["ref"] == [project.resource("first")["urn"]]
    assert project.outputs() == {"added": 1}


def test_a_failing_transform_is_told(project: Any) -> None:
    project.program(
        """
def broken(args):
    raise ValueError("broken transform")

Thing("a", opts=Options(transforms=[broken]))
"""
    )
    assert "broken transform" in project.up(code=1)
    assert project.provider.cloud == {}


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (
            "def hook(args):\n    pass\n"
            "h = pulumi.ResourceHook('greet', hook)\n"
            "Thing('a', opts=Options(hooks=pulumi.ResourceHookBinding(before_create=[h])))",
            "error: this engine does not support resource hooks: 'greet' cannot be registered",
        ),
    ],
    ids=["hooks"],
)
def test_what_is_not_supported_is_refused_by_name(project: Any, program: str, name: str) -> None:
    project.program(program)
    assert name in project.up(code=1)
    assert project.provider.cloud == {}


def test_dynamic_providers_are_classes_of_the_program(project: Any, tmp_path: Path) -> None:
    project.program(
        f"""
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

class Files(ResourceProvider):
    def create(self, props):
        open("{tmp_path}/made", "w").write(props["text"])
        return CreateResult("file", {{**props, "length": len(props["text"])}})
    def diff(self, id, olds, news):
        return DiffResult(changes=olds["text"] != news["text"])
    def update(self, id, olds, news):
        open("{tmp_path}/made", "w").write(news["text"])
        return UpdateResult({{**news, "length": len(news["text"])}})
    def delete(self, id, props):
        import os
        os.remove("{tmp_path}/made")

class File(Resource):
    length: pulumi.Output[int]
    def __init__(self, name, text):
        super().__init__(Files(), name, {{"text": text, "length": None}})

pulumi.export("length", File("f", TEXT).length)
""".replace("TEXT", '"hello"')
    )
    project.up()
    assert (tmp_path / "made").read_text() == "hello"
    assert project.outputs() == {"length": 5}
    assert "1 unchanged" in project.up() or "2 unchanged" in project.up()
    project.destroy()
    assert not (tmp_path / "made").exists()
