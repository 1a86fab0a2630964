"""Configuration on the command line and in the settings file."""

import json

import pytest
import yaml


@pytest.fixture
def stack(shell):
    shell.run("stack", "init", "dev")
    return shell


def _file(shell):
    return yaml.safe_load((shell.folder / "Pulumi.dev.yaml").read_text())


def test_values_are_texts_in_the_projects_namespace(stack):
    stack.run("config", "set", "count", "5")
    stack.run("config", "set", "aws:region", "eu-west-1")
    assert _file(stack) == {"config": {"p:count": "5", "aws:region": "eu-west-1"}}
    assert stack.run("config") == "KEY         VALUE\naws:region  eu-west-1\ncount       5\n"
    assert stack.run("config", "get", "count") == "5\n"
    assert stack.json("config", "get", "aws:region", "--json") == {"value": "eu-west-1", "secret": False}


def test_secrets_are_encrypted_with_a_salt_made_at_the_first(stack):
    stack.run("config", "set", "plain", "1")
    assert "encryptionsalt" not in _file(stack)
    stack.run("config", "set", "token", "s3cret", "--secret")
    salt = _file(stack)["encryptionsalt"]
    assert salt.startswith("v1:")
    assert "s3cret" not in (stack.folder / "Pulumi.dev.yaml").read_text()
    stack.run("config", "set", "other", "x", "--secret")
    assert _file(stack)["encryptionsalt"] == salt
    assert stack.run("config", "get", "token") == "s3cret\n"
    assert stack.json("config", "--json")["p:token"] == {"secret": True}
    assert stack.json("config", "--json", "--show-secrets")["p:token"] == {"value": "s3cret", "secret": True}


def test_the_passphrase_may_come_from_a_file(stack, tmp_path):
    del stack.environment["PULUMI_CONFIG_PASSPHRASE"]
    (tmp_path / "phrase").write_text("from a file\n")
    stack.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(tmp_path / "phrase")
    stack.run("config", "set", "token", "s", "--secret")
    assert stack.run("config", "get", "token") == "s\n"
    stack.environment["PULUMI_CONFIG_PASSPHRASE"] = "another"
    assert "incorrect passphrase" in stack.run("config", "get", "token", code=1)


def test_a_wrong_passphrase_stops_a_plan_before_it_begins(stack):
    stack.run("config", "set", "token", "s", "--secret")
    stack.environment["PULUMI_CONFIG_PASSPHRASE"] = "wrong"
    assert stack.run("preview", code=1) == (
        "error: getting stack configuration: get stack secrets manager: incorrect passphrase\n"
    )


def test_paths(stack):
    stack.run("config", "set", "--path", "outer.inner", "true")
    stack.run("config", "set", "--path", "outer.list[0]", "7")
    stack.run("config", "set", "--path", 'outer["a.b"]', "007")
    stack.run("config", "set", "--path", "outer.token", "s3cret", "--secret")
    outer = _file(stack)["config"]["p:outer"]
    assert outer.pop("token").keys() == {"secure"}
    assert outer == {"inner": True, "list": [7], "a.b": "007"}
    assert stack.run("config", "get", "--path", "outer.list[0]") == "7\n"
    assert json.loads(stack.run("config", "get", "outer"))["token"] == "s3cret"
    shown = stack.json("config", "get", "outer", "--json")
    assert shown["secret"] is True
    assert shown["objectValue"]["token"] == "s3cret"
    stack.run("config", "rm", "--path", "outer.list[0]")
    assert _file(stack)["config"]["p:outer"]["list"] == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a[1]", "could not set config: a[1]: array index out of range"),
        ("text.x.y", "could not set config: text.x: expected a map"),
        ("a..b", "expected property path element"),
        ("a[", "could not set config: invalid config key path: missing closing bracket"),
        ('a["x', "missing closing quote"),
        ("[0]", "first path segment"),
    ],
)
def test_paths_that_do_not_fit(stack, path, message):
    stack.run("config", "set", "--path", "text.x", "t")
    assert message in stack.run("config", "set", "--path", path, "v", code=1)


def test_values_that_look_like_flags(stack):
    stack.run("config", "set", "k", "--plaintext", "--", "-value")
    assert stack.run("config", "get", "k") == "-value\n"


def test_a_likely_secret_is_not_kept_in_plain_text_by_accident(stack):
    value = "kJ8xQz7LpW3vBn5T"
    assert "looks like a secret" in stack.run("config", "set", "apiToken", value, code=1)
    stack.run("config", "set", "apiToken", value, "--plaintext")
    stack.run("config", "set", "other", value)


def test_types(stack):
    stack.run("config", "set", "n", "3", "--type", "int")
    stack.run("config", "set", "b", "true", "--type", "bool")
    assert _file(stack)["config"] == {"p:n": 3, "p:b": True}
    assert "is no int" in stack.run("config", "set", "n", "x", "--type", "int", code=1)
    assert "none of the others can be" in stack.run(
        "config", "set", "n", "3", "--type", "int", "--secret", code=1
    )


def test_set_all_and_remove_all(stack):
    stack.run(
        "config", "set-all", "--plaintext", "a=1", "--secret", "b=s=t", "--path", "--plaintext", "c.d=2"
    )
    assert stack.json("config", "--json", "--show-secrets") == {
        "p:a": {"value": "1", "secret": False},
        "p:b": {"value": "s=t", "secret": True},
        "p:c": {"value": '{"d":2}', "objectValue": {"d": 2}, "secret": False},
    }
    stack.run("config", "rm-all", "a", "b")
    assert list(stack.json("config", "--json")) == ["p:c"]
    assert "[key]=[value]" in stack.run("config", "set-all", "--plaintext", "novalue", code=1)


def test_set_all_from_json_takes_what_config_json_prints(stack):
    stack.run("config", "set-all", "--json", '{"p:a": {"value": "1"}, "b": {"value": "s", "secret": true}}')
    assert stack.json("config", "--json", "--show-secrets")["p:b"] == {"value": "s", "secret": True}
    assert "cannot be used with" in stack.run("config", "set-all", "--json", "{}", "--path", code=1)


def test_copy_encrypts_anew_for_the_other_stack(stack):
    stack.run("config", "set", "token", "s3cret", "--secret")
    stack.run("stack", "init", "prod")
    stack.run("config", "cp", "--stack", "dev", "--dest", "prod")
    assert stack.run("config", "get", "token", "--stack", "prod") == "s3cret\n"
    first = _file(stack)
    second = yaml.safe_load((stack.folder / "Pulumi.prod.yaml").read_text())
    assert first["encryptionsalt"] != second["encryptionsalt"]


def test_declared_defaults_and_missing_keys(stack):
    (stack.folder / "Pulumi.yaml").write_text(
        "name: p\nruntime: python\nconfig:\n  size: {type: integer, default: 3}\n"
        "  names: {type: array}\n  region: eu\n"
    )
    assert stack.run("config", "get", "size") == "3\n"
    assert stack.run("config", "get", "region") == "eu\n"
    assert "Stack 'dev' is missing configuration value 'names'" in stack.run("preview", code=1)
    stack.run("config", "set", "names", "text")
    assert "must be of type 'array'" in stack.run("preview", code=1)


def test_what_else_is_in_the_file_stays(stack):
    (stack.folder / "Pulumi.dev.yaml").write_text("other: {kept: [1]}\nconfig:\n  p:a: x\n")
    stack.run("config", "set", "b", "y")
    assert _file(stack) == {"other": {"kept": [1]}, "config": {"p:a": "x", "p:b": "y"}}


def test_another_settings_file(stack):
    (stack.folder / "special.yaml").write_text("config:\n  p:a: special\n")
    assert stack.run("config", "get", "a", "--config-file", "special.yaml") == "special\n"


def test_environments_and_other_secrets_providers_are_refused_by_name(stack):
    file = stack.folder / "Pulumi.dev.yaml"
    file.write_text("environment: [prod]\n")
    assert "environments" in stack.run("config", code=1)
    file.write_text("secretsprovider: awskms://alias/x\n")
    assert "secrets provider 'awskms' is not supported" in stack.run("config", code=1)
    assert "'gcpkms' is not supported" in stack.run(
        "stack", "init", "x", "--secrets-provider", "gcpkms://k", code=1
    )


def test_an_operation_keeps_the_values_it_was_given(stack):
    (stack.folder / "Pulumi.yaml").write_text("name: p\nruntime: python\nconfig: {must: {type: string}}\n")
    stack.run("preview", "-c", "a=b=c", "--config-path", "-c", "d.e=1", code=1)
    assert _file(stack)["config"] == {"p:a": "b=c", "p:d": {"e": 1}}


def test_a_missing_key(stack):
    assert stack.run("config", "get", "nope", code=1) == (
        "error: configuration key 'nope' not found for stack 'dev'\n"
    )
