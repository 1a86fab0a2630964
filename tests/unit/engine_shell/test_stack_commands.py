"""Making, listing, renaming and removing stacks; outputs, exports, tags, selection."""

import json

import pytest


def test_a_new_stack_is_selected_and_empty(shell):
    assert shell.run("stack", "init", "dev") == ""
    (listed,) = shell.json("stack", "ls", "--json")
    assert (listed["name"], listed["current"], listed["resourceCount"]) == ("dev", True, 0)
    assert shell.run("stack", "--show-name") == "dev\n"
    exported = shell.json("stack", "export")
    assert exported["version"] == 3
    assert exported["deployment"]["manifest"]["version"] == "v3.260.0"
    assert "secrets_providers" not in exported["deployment"]


def test_making_a_stack_derives_no_key(shell):
    shell.run("stack", "init", "dev")
    assert not (shell.folder / "Pulumi.dev.yaml").exists()


def test_making_a_stack_needs_a_passphrase_all_the_same(shell):
    del shell.environment["PULUMI_CONFIG_PASSPHRASE"]
    assert "passphrase must be set" in shell.run("stack", "init", "dev", code=1)


def test_the_same_stack_twice(shell):
    shell.run("stack", "init", "dev")
    assert shell.run("stack", "init", "dev", code=1) == "error: stack 'organization/p/dev' already exists\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad name!", "invalid character ' ' at position 3"),
        ("x" * 101, "a stack name cannot exceed 100 characters"),
        ("other/p/dev", "organization name must be 'organization'"),
        ("", "missing stack name"),
    ],
)
def test_names_that_no_stack_can_have(shell, name, message):
    assert message in shell.run("stack", "init", name, code=1)


def test_a_stack_that_is_not_there_ends_with_six(shell):
    assert shell.run("stack", "select", "dev", code=6) == "error: no stack named 'dev' found\n"
    assert shell.run("up", "--yes", "--stack", "nope", code=6) == "error: no stack named 'nope' found\n"


def test_no_stack_selected(shell):
    assert (
        shell.run("preview", code=1)
        == "error: no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one\n"
    )


def test_select_create(shell):
    shell.run("stack", "select", "--create", "dev")
    shell.run("stack", "init", "other", "--no-select")
    assert [s["name"] for s in shell.json("stack", "ls", "--json") if s["current"]] == ["dev"]
    shell.run("stack", "unselect")
    assert not any(s["current"] for s in shell.json("stack", "ls", "--json"))


def test_the_selection_is_kept_per_backend(shell, tmp_path):
    shell.run("stack", "init", "dev")
    shell.environment["PULUMI_BACKEND_URL"] = f"file://{tmp_path}/elsewhere"
    shell.run("stack", "init", "prod")
    shell.environment["PULUMI_BACKEND_URL"] = f"file://{tmp_path}/state"
    assert shell.run("stack", "--show-name") == "dev\n"


def test_the_backend_is_that_of_environment_then_project_then_login(shell, tmp_path):
    del shell.environment["PULUMI_BACKEND_URL"]
    assert "state in folders only" in shell.run("whoami", code=3)
    shell.run("login", f"file://{tmp_path}/logged-in")
    assert shell.json("whoami", "--json")["url"] == f"file://{tmp_path}/logged-in"
    (shell.folder / "Pulumi.yaml").write_text(
        f"name: p\nruntime: python\nbackend:\n  url: file://{tmp_path}/of-project\n"
    )
    assert shell.json("whoami", "--json")["url"] == f"file://{tmp_path}/of-project"
    shell.environment["PULUMI_BACKEND_URL"] = f"file://{tmp_path}/of-environment"
    assert shell.json("whoami", "--json")["url"] == f"file://{tmp_path}/of-environment"


def test_other_backends_are_refused_by_name(shell):
    shell.environment["PULUMI_BACKEND_URL"] = "s3://bucket"
    assert "backend 's3' is not supported by this engine" in shell.run("stack", "ls", code=1)


def test_outputs(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.put_state(deployment)
    assert shell.json("stack", "output", "--json") == {"list": [1, {"x": None}], "plain": "hello"}
    assert shell.run("stack", "output", "plain") == "hello\n"
    assert shell.run("stack", "output", "list") == '[1,{"x":null}]\n'
    assert shell.run("stack", "output", "plain", "--shell") == "plain=hello\n"
    assert shell.run("stack", "output", "nope", code=1) == (
        "error: current stack does not have output property 'nope'\n"
    )


def test_secret_outputs_are_shown_only_on_demand(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.run("config", "set", "token", "s3cret", "--secret")
    shell.run("stack", "import", "--file", _write(shell, _with_secret(deployment)))
    text = (shell.state / "stacks/p/dev.json").read_text()
    assert "s3cret" not in text
    assert json.loads(text)["checkpoint"]["latest"]["secrets_providers"]["type"] == "passphrase"
    assert shell.json("stack", "output", "--json")["token"] == "[secret]"
    assert shell.json("stack", "output", "--json", "--show-secrets")["token"] == "s3cret"
    assert "s3cret" not in shell.run("stack", "export")
    assert r"\"s3cret\"" in shell.run("stack", "export", "--show-secrets")
    shell.environment["PULUMI_CONFIG_PASSPHRASE"] = "wrong"
    shell.run("stack", "export")
    assert "incorrect passphrase" in shell.run("stack", "output", "--show-secrets", code=1)


def _with_secret(deployment):
    marked = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"s3cret"'}
    root, *rest = deployment["resources"]
    return deployment | {
        "resources": [{**root, "outputs": {**root["outputs"], "token": marked}}, *rest],
    }


def _write(shell, deployment):
    file = shell.folder / "exported.json"
    file.write_text(json.dumps({"version": 3, "deployment": deployment}))
    return file.name


def test_import_refuses_the_state_of_another_stack(shell, deployment):
    shell.run("stack", "init", "other")
    name = _write(shell, deployment)
    assert "is from a different stack (dev != other)" in shell.run("stack", "import", "--file", name, code=1)
    shell.run("stack", "import", "--file", name, "--force")
    assert shell.json("stack", "ls", "--json")[0]["resourceCount"] == 4


def test_import_refuses_a_broken_state(shell, deployment):
    shell.run("stack", "init", "dev")
    broken = deployment | {"resources": deployment["resources"][1:]}
    assert "state file contains errors" in shell.run(
        "stack", "import", "--file", _write(shell, broken), code=1
    )


def test_rename_takes_urns_history_settings_and_selection_along(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.run("config", "set", "k", "v")
    shell.put_state(deployment)
    assert shell.run("stack", "rename", "prod") == "Renamed dev to prod\n"
    resources = shell.json("stack", "export")["deployment"]["resources"]
    assert resources[0]["urn"] == "urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod"
    assert "::p-dev" not in json.dumps(resources)
    assert "urn:pulumi:dev" not in json.dumps(resources)
    assert resources[3]["propertyDependencies"] == {"v": ["urn:pulumi:prod::p::k:index:T::a"]}
    assert resources[3]["provider"] == "urn:pulumi:prod::p::pulumi:providers:k::default::id-default"
    assert shell.run("config", "get", "k") == "v\n"
    assert [s["name"] for s in shell.json("stack", "ls", "--json")] == ["prod"]


def test_a_stack_with_resources_is_removed_by_force_only(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.run("config", "set", "k", "v")
    shell.put_state(deployment)
    assert "'dev' still has resources; removal rejected" in shell.run("stack", "rm", "--yes", code=1)
    assert "--yes must be passed in" in shell.run("--non-interactive", "stack", "rm", code=2)
    shell.run("stack", "rm", "dev", "--yes", "--force")
    assert shell.json("stack", "ls", "--json") == []
    assert not (shell.folder / "Pulumi.dev.yaml").exists()


def test_preserve_config(shell):
    shell.run("stack", "init", "dev")
    shell.run("config", "set", "k", "v")
    shell.run("stack", "rm", "--yes", "--preserve-config")
    assert (shell.folder / "Pulumi.dev.yaml").exists()


def test_tags(shell):
    shell.run("stack", "init", "dev")
    shell.run("stack", "tag", "set", "team", "nlp")
    assert shell.run("stack", "tag", "ls") == "NAME  VALUE\nteam  nlp\n"
    assert shell.json("stack", "tag", "ls", "--json") == {"team": "nlp"}
    assert shell.run("stack", "tag", "get", "team") == "nlp\n"
    assert [s["name"] for s in shell.json("stack", "ls", "--json", "--tag", "team=nlp")] == ["dev"]
    assert shell.json("stack", "ls", "--json", "--tag", "team=other") == []
    shell.run("stack", "tag", "rm", "team")
    assert "not found for stack 'dev'" in shell.run("stack", "tag", "get", "team", code=1)


def test_the_tree_of_a_stack(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.put_state(deployment)
    shown = shell.run("stack", "--show-urns")
    assert "    TYPE" in shown
    assert "├─ k:index:T" in shown
    assert "└─ pulumi:providers:k" in shown
    assert "URN: urn:pulumi:dev::p::k:index:T::a" in shown
    assert "(2026-11-22 07:59:56.6 +0000 UTC)" in shown


def test_a_lock_stops_changes_and_cancel_removes_it(shell):
    shell.run("stack", "init", "dev")
    folder = shell.state / "locks/organization/p/dev"
    (folder / "abc.json").write_text(
        '{"pid":9,"username":"someone","hostname":"elsewhere","timestamp":"2026-11-22T00:00:00.5Z"}'
    )
    message = shell.run("stack", "rm", "--yes", code=1)
    assert "the stack is currently locked by 1 lock(s)" in message
    assert "abc.json?no_tmp_dir=true: created by someone@elsewhere (pid 9) at 2026-11-22T00:00:00Z" in message
    assert shell.run("cancel", "--yes") == "The currently running update for 'dev' has been canceled!\n"
    assert not list(folder.iterdir())
    shell.run("stack", "rm", "--yes")


def test_all_projects(shell):
    shell.run("stack", "init", "dev")
    (shell.folder / "Pulumi.yaml").write_text("name: q\nruntime: python\n")
    shell.run("stack", "init", "dev")
    assert [s["name"] for s in shell.json("stack", "ls", "--json")] == ["dev"]
    assert [s["name"] for s in shell.json("stack", "ls", "--json", "--all")] == ["dev", "organization/p/dev"]
    assert [s["name"] for s in shell.json("stack", "ls", "--json", "--project", "p")] == [
        "organization/p/dev"
    ]


def test_a_torn_checkpoint_is_told_with_the_way_out(shell):
    shell.run("stack", "init", "dev")
    (shell.state / "stacks/p/dev.json").write_text('{"version":3,"checkp')
    assert "(.bak)" in shell.run("stack", "export", code=1)


def test_unknown_formats_are_refused(shell):
    shell.run("stack", "init", "dev")
    file = shell.state / "stacks/p/dev.json"
    file.write_text('{"version":4,"checkpoint":{}}')
    assert "format version 4" in shell.run("stack", "export", code=1)
    file.write_text('{"version":3,"features":["telepathy"],"checkpoint":{}}')
    assert "telepathy" in shell.run("stack", "export", code=1)
    (shell.state / "meta.yaml").write_text("version: 2\n")
    assert "version (2) is not supported" in shell.run("stack", "ls", code=1)


def test_settings_that_would_change_the_layout_are_refused_by_name(shell):
    shell.environment["PULUMI_DIY_BACKEND_GZIP"] = "true"
    assert "the setting PULUMI_DIY_BACKEND_GZIP is not supported" in shell.run("stack", "ls", code=2)


def test_a_stack_is_read_from_outside_its_project(shell, deployment, monkeypatch, tmp_path):
    shell.run("stack", "init", "dev")
    shell.run("config", "set", "token", "s3cret", "--secret")
    shell.run("stack", "import", "--file", _write(shell, _with_secret(deployment)))
    monkeypatch.chdir(tmp_path)
    name = "organization/p/dev"
    assert shell.json("stack", "output", "--json", "--show-secrets", "-s", name)["token"] == "s3cret"
    assert "no Pulumi.yaml project file found" in shell.run("stack", "output", "-s", "dev", code=1)


def test_sections_of_a_project_that_would_be_ignored_are_refused(shell):
    shell.run("stack", "init", "dev")
    (shell.folder / "Pulumi.yaml").write_text("name: p\nruntime: python\nplugins: {languages: [{name: x}]}\n")
    assert "the section `plugins.languages`" in shell.run("preview", code=2)
