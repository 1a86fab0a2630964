"""Settings files, configuration keys, paths and values."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine.settings.config_key import ConfigKey, ConfigKeyError, parse_argument, parse_key
from sandbox.engine.settings.config_path import (
    ConfigPathError,
    delete_path,
    get_path,
    parse_path,
    set_path,
)
from sandbox.engine.settings.config_value import coerce_in_path, holds_secret, to_text
from sandbox.engine.settings.documents import SettingsFileError, read_document, write_document
from sandbox.engine.settings.project import ProjectNotFoundError, load_project


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("name", ("p", "name")),
        ("ns:name", ("ns", "name")),
        ("ns:config:name", ("ns", "name")),
        ("aws:outer.inner", ("aws", "outer.inner")),
        ("outer.a:b", ("p", "outer.a:b")),
    ],
)
def test_keys_as_people_type_them(text, key):
    assert parse_argument(text, "p", path="." in text) == ConfigKey(*key)


@pytest.mark.parametrize("text", ["a", "a:b:c", "a:b:c:d"])
def test_texts_that_are_no_keys(text):
    with pytest.raises(ConfigKeyError, match="could not parse"):
        parse_key(text)


@pytest.mark.parametrize(
    ("text", "accessors"),
    [
        ("root", ["root"]),
        ("root.nested", ["root", "nested"]),
        ("root[0].x", ["root", 0, "x"]),
        ('root["a.b"]', ["root", "a.b"]),
        ('["root"].x', ["root", "x"]),
        (r'root["say \"hi\""]', ["root", 'say "hi"']),
        ("root[0][1]", ["root", 0, 1]),
    ],
)
def test_paths(text, accessors):
    assert parse_path(text) == accessors


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=4)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(TREES, st.lists(st.one_of(NAMES, st.integers(0, 2)), min_size=1, max_size=3), st.integers())
def test_what_is_set_at_a_path_is_found_there_and_gone_when_deleted(tree, path, value):
    try:
        changed = set_path(tree, path, value)
    except ConfigPathError:
        return
    assert get_path(changed, path) == (True, value)
    if isinstance(path[-1], str):
        assert get_path(delete_path(changed, path), path) == (False, None)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=6), TREES, max_size=4))
def test_yaml_that_is_written_reads_the_same(tmp_path_factory, document):
    file = tmp_path_factory.mktemp("yaml") / "x.yaml"
    write_document(file, document)
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == document
    assert read_document(file) == document


def test_files_are_written_as_pulumi_writes_them(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    write_document(file, {"encryptionsalt": "v1:a=:b", "config": {"p:n": "5", "p:l": ["a"], "p:b": True}})
    assert file.read_text() == (
        'encryptionsalt: v1:a=:b\nconfig:\n  p:n: "5"\n  p:l:\n    - a\n  p:b: true\n'
    )


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    file = tmp_path / "x.yaml"
    write_document(file, {"a": 1})
    with pytest.raises(yaml.YAMLError):
        write_document(file, {"a": object()})
    assert read_document(file) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


@pytest.mark.parametrize("text", ["- a\n", "a: [1\n", "text"])
def test_files_that_are_no_maps(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SettingsFileError, match=r"could not (parse|unmarshal)"):
        read_document(tmp_path / "x.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("5", 5),
        ("-5", -5),
        ("05", "05"),
        ("1.5", "1.5"),
        ("٣", "٣"),
        ("", ""),
    ],
)
def test_values_set_at_paths_are_coerced_as_pulumi_does(text, value):
    assert coerce_in_path(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (5, "5"),
        (None, ""),
        ({"b": 1, "a": [True, {"secure": "c"}]}, '{"a":[true,"<c>"],"b":1}'),
        ({"secure": "c"}, "<c>"),
    ],
)
def test_values_as_programs_get_them(value, text):
    assert to_text(value, lambda ciphertext: f"<{ciphertext}>") == text
    assert holds_secret(value) == ("<c>" in text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runtime: python\n", "missing a 'name'"),
        ("name: 'a b'\nruntime: python\n", "may only contain"),
        ("name: p\nruntime: [python]\n", "'runtime' must be"),
    ],
)
def test_project_files_that_are_none(tmp_path, text, message):
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(SettingsFileError, match=message):
        load_project(tmp_path)


def test_a_project_is_found_from_folders_below(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(
        "name: p\nruntime: {name: python, options: {virtualenv: v}}\nmain: stacks/\n"
        "backend: {url: file:///x}\nstackConfigDir: config\n"
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    project = load_project(below)
    assert (project.name, project.runtime, project.main) == ("p", "python", "stacks/")
    assert project.runtime_options == {"virtualenv": "v"}
    assert project.backend_url == "file:///x"
    assert project.stack_settings_file("dev") == tmp_path / "config" / "Pulumi.dev.yaml"


def test_no_project(tmp_path):
    with pytest.raises(ProjectNotFoundError, match="searching upwards from"):
        load_project(tmp_path)
