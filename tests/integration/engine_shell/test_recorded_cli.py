"""The commands that Pulumi's CLI was recorded with, held against this engine's."""

import json
import re

import pytest

pytestmark = pytest.mark.sandbox

PROGRAM = """import pulumi

config = pulumi.Config()


class Thing(pulumi.CustomResource):
    out: pulumi.Output[str]

    def __init__(self, name, props, opts=None):
        super().__init__("fuzz:index:Thing", name, {"out": None, **props}, opts)


comp = pulumi.ComponentResource("fuzz:index:Comp", "comp")
a = Thing("a", {"value": config.require_int("value"), "key": "k"}, pulumi.ResourceOptions(parent=comp))
guard = pulumi.ResourceOptions(protect=bool(config.get_bool("protect")))
b = Thing("b", {"value": 2, "key": "k", "ref": a.out}, guard)
s = Thing("s", {"value": config.require_secret("token"), "key": "k"})
pulumi.export("id", a.id)
pulumi.export("plain", "hello")
pulumi.export("secret", config.require_secret("token"))
"""

OWN_TEXT = ("--help",)
"""Commands whose text is this engine's own."""

VOLATILE_KEYS = {
    "sourcePosition",
    "stackTrace",
    "created",
    "modified",
    "time",
    "ciphertext",
    "salt",
    "duration",
    "lastUpdate",
    "startTime",
    "endTime",
}
TRACEBACK = re.compile(
    r"Traceback|File \"|loop\.run|self\.|\^\^|fd_event|event_list|executor\.|t\.join|if lock"
    r"|KeyboardInterrupt|During handling"
)
ADDRESSES = (
    (r"file://\S*?/state", "file://STATE"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UUID"),
)
RULES = (
    *ADDRESSES,
    (r"\(\d+(\.\d+)?s\)", "(Ns)"),
    (r"Duration: \d+s", "Duration: Ns"),
    (r"Last updated: .*", "Last updated: T"),
    (r"(now|\d+ seconds? ago)", "T"),
    (r"took \S+", "took T"),
    (r"Managed by .*", "Managed by HOST"),
    (r"; 26 messages", ""),
    (r"(?<=\S) {2,}", "  "),
)


@pytest.mark.matrix
def test_every_recorded_command(cli, recorded, scripted_provider, tmp_path):
    url = f"file://{tmp_path}/state"
    cli.folder.joinpath("Pulumi.yaml").write_text(
        f"name: golden\nruntime: python\ndescription: recorded\nbackend:\n  url: {url}\n"
    )
    cli.folder.joinpath("__main__.py").write_text(PROGRAM)
    del cli.environment["PULUMI_BACKEND_URL"]
    cli.environment["PULUMI_DEBUG_PROVIDERS"] = f"fuzz:{scripted_provider.port}"
    commands = json.loads((recorded / "cli.json").read_text())
    differences = []
    for number, command in enumerate(commands):
        scripted_provider.fail(command.get("fail", {}))
        if command.get("note") == "locked by another process":
            _foreign_lock(tmp_path)
        found = cli.run(*command["args"], **command.get("env", {}))
        differences += _compare(number, command, found)
    assert not differences, "\n".join(differences)


def _foreign_lock(tmp_path):
    folder = tmp_path / "state/.pulumi/locks/organization/golden/dev"
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 999999, "username": "someone", "hostname": "elsewhere"}
    (folder / "abc.json").write_text(json.dumps(lock | {"timestamp": "2026-11-22T00:00:00Z"}))


def _compare(number, command, found):
    title = f"{number} {' '.join(command['args'])}"
    code, out, err = found
    problems = [f"{title}: exit {code}, recorded {command['exit']}"] if code != command["exit"] else []
    if command["args"][0] in OWN_TEXT:
        return problems
    for name, ours, recorded in (("stdout", out, command["stdout"]), ("stderr", err, command["stderr"])):
        left, right = _settled(ours), _settled(recorded)
        if left != right:
            problems.append(f"{title}: {name}\n--- recorded\n{right}\n--- ours\n{left}")
    return problems


def _settled(text):
    """What must be the same: no times and ids, and parallel steps in any order."""
    if text.startswith(("{", "[\n", "[]")):
        return _settled_json(json.loads(text))
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    lines = [line for line in text.splitlines() if not TRACEBACK.search(line)]
    lines = [line for line in lines if not line.startswith("@ ") and "    runtime." not in line]
    return sorted(line for line in lines if line.strip())


def _settled_json(value):
    if isinstance(value, dict):
        if value.get("urn", "").endswith("::default"):
            value = {**value, "id": "UUID"}
        return {
            key: _settled_json(item)
            for key, item in value.items()
            if key not in VOLATILE_KEYS and not key.startswith("runtime.")
        }
    if isinstance(value, list):
        items = [_settled_json(item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, str):
        for pattern, replacement in ADDRESSES:
            value = re.sub(pattern, replacement, value)
    return value
