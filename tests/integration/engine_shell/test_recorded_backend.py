"""The backend that Pulumi's CLI left is opened, previewed, updated and emptied."""

import json
import tarfile

import pytest

pytestmark = pytest.mark.sandbox

PROGRAM = """import pulumi


class Thing(pulumi.CustomResource):
    out: pulumi.Output[str]

    def __init__(self, name, props, opts=None):
        super().__init__("fuzz:index:Thing", name, {"out": None, **props}, opts)


config = pulumi.Config()
comp = pulumi.ComponentResource("fuzz:index:Comp", "comp")
a = Thing("a", {"value": config.require_int("value"), "key": "k"}, pulumi.ResourceOptions(parent=comp))
b = Thing("b", {"value": 2, "key": "k", "ref": a.out}, pulumi.ResourceOptions(protect=True))
s = Thing("s", {"value": config.require_secret("token"), "key": "k"})
pulumi.export("id", a.id)
pulumi.export("plain", "hello")
pulumi.export("secret", config.require_secret("token"))
"""


@pytest.fixture
def old_stack(cli, recorded, scripted_provider, tmp_path):
    with tarfile.open(recorded / "backend.tar.gz") as archive:
        archive.extractall(tmp_path / "old", filter="data")
    cli.folder = tmp_path / "old" / "p"
    project = cli.folder / "Pulumi.yaml"
    project.write_text(project.read_text().partition("backend:")[0])
    (cli.folder / "__main__.py").write_text(PROGRAM)
    cli.environment["PULUMI_BACKEND_URL"] = f"file://{tmp_path}/old/state"
    cli.environment["PULUMI_DEBUG_PROVIDERS"] = f"fuzz:{scripted_provider.port}"
    cli.ok("stack", "select", "dev")
    return cli


def test_reads_state_history_config_and_secrets(old_stack):
    (stack,) = old_stack.json("stack", "ls", "--json")
    assert (stack["name"], stack["resourceCount"], stack["lastUpdate"]) == (
        "dev",
        6,
        "2026-11-22T07:59:56.618Z",
    )
    assert old_stack.json("stack", "output", "--json", "--show-secrets")["secret"] == "s3cret"
    assert old_stack.ok("config", "get", "token") == "s3cret\n"
    history = old_stack.json("stack", "history", "--json")
    assert [entry["kind"] for entry in history[:3]] == ["update", "refresh", "destroy"]
    assert len(history) == 10


def test_exports_what_the_checkpoint_holds(old_stack, tmp_path):
    checkpoint = json.loads((tmp_path / "old/state/.pulumi/stacks/golden/dev.json").read_text())
    assert old_stack.json("stack", "export")["deployment"] == checkpoint["checkpoint"]["latest"]


def test_the_same_program_changes_nothing_and_a_changed_one_what_it_says(old_stack, tmp_path):
    old_stack.ok("preview", "--expect-no-changes")
    old_stack.ok("config", "set", "value", "6")
    assert "~ 1 updated" in old_stack.ok("up", "--yes", "--skip-preview")
    salt = "v1:ReML14y/LHQ=:v1:3qtxw0i2LIDrjN4q:0HuKQSlKsmpGtAEqURrVbo5dRcYvTw=="
    exported = old_stack.json("stack", "export")["deployment"]
    assert exported["secrets_providers"]["state"]["salt"] == salt
    names = [path.name for path in (tmp_path / "old/state/.pulumi/history/golden/dev").iterdir()]
    assert len(names) == 44


def test_it_can_be_emptied(old_stack):
    old_stack.ok("state", "unprotect", "--all", "--yes")
    old_stack.ok("destroy", "--yes", "--skip-preview", "--remove")
    assert old_stack.json("stack", "ls", "--json") == []
