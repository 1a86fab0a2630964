"""A project with a file backend, and the command line run in this process."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.engine.cli.main import run


@dataclass
class Shell:
    """Runs commands in a project's folder."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words, code=0):
        """What a command prints to stdout (to stderr when it is expected to fail)."""
        out, err = io.StringIO(), io.StringIO()
        found = run(words, self.environment, out, err)
        assert found == code, err.getvalue()
        return err.getvalue() if code else out.getvalue()

    def json(self, *words):
        """What a command prints, as JSON."""
        return json.loads(self.run(*words))

    @property
    def state(self) -> Path:
        """The backend's folder."""
        return self.folder.parent / "state" / ".pulumi"

    def put_state(self, deployment, stack="dev"):
        """Makes `deployment` the stack's state."""
        document = {"version": 3, "checkpoint": {"stack": f"organization/p/{stack}", "latest": deployment}}
        (self.state / "stacks" / "p" / f"{stack}.json").write_text(json.dumps(document))


@pytest.fixture
def shell(tmp_path, monkeypatch) -> Shell:
    """A project `p` without stacks."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    monkeypatch.chdir(folder)
    environment = {
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
    }
    return Shell(folder, environment)


URN = "urn:pulumi:dev::p::"
ROOT = f"{URN}pulumi:pulumi:Stack::p-dev"
PROVIDER = f"{URN}pulumi:providers:k::default"
A, B = f"{URN}k:index:T::a", f"{URN}k:index:T::b"


def resource(urn, **fields):
    """A resource as it stands in a checkpoint."""
    kind = urn.split("::")[2].split("$")[-1]
    custom = kind not in ("pulumi:pulumi:Stack", "k:index:C")
    known = {"urn": urn, "custom": custom, "type": kind}
    if custom:
        known["id"] = f"id-{urn.split('::')[-1]}"
    return known | fields


@pytest.fixture
def deployment():
    """A state: the stack with two outputs, a provider, a and b, which stands on a."""
    return {
        "manifest": {"time": "2026-11-22T07:59:56.6Z", "magic": "", "version": ""},
        "resources": [
            resource(ROOT, outputs={"plain": "hello", "list": [1, {"x": None}]}),
            resource(PROVIDER),
            resource(A, parent=ROOT, provider=f"{PROVIDER}::id-default", inputs={"v": 1}),
            resource(
                B,
                parent=ROOT,
                provider=f"{PROVIDER}::id-default",
                dependencies=[A],
                propertyDependencies={"v": [A]},
            ),
        ],
        "metadata": {},
    }
