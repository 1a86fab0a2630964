"""A volume is added to a job file and taken out again, and nothing else of the file changes."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.job_file.edit import with_volume, without_volume

ENTRY = {"name": "data", "volume": "datasets", "mount": "/data"}
FILES = [
    "name: digits\nrun: 'true'\n",
    "name: digits\nrun: 'true'",
    "# head\nname: digits\nrun: |\n  one\n  two\n",
    "name: digits\nvolumes:\n  - name: a\n    size: 10GB\n    mount: /a  # scratch\n\n# tail\nrun: 'true'\n",
    "volumes:\n- {name: a, size: 1GB, mount: /a}\n- name: b\n  mount: /b\n  size: 2GB\nname: digits\n",
    "volumes: [{name: a, size: 1GB, mount: /a}]  # one\nname: digits\n",
    "volumes: [\n  {name: a, size: 1GB, mount: /a},\n]\nname: digits\n",
    "volumes: []\nname: digits\n",
    "name: digits\nvolumes:\n    -   name: a\n        mount: /a\n        size: 1GB\n",
]


@pytest.mark.parametrize("text", FILES)
def test_what_is_added_is_the_last_and_all_else_stays(text: str) -> None:
    before = yaml.safe_load(text)
    changed = with_volume(text, ENTRY)
    assert changed is not None
    assert yaml.safe_load(changed) == {**before, "volumes": [*before.get("volumes", []), ENTRY]}
    assert [line for line in text.splitlines() if "#" in line and "volumes" not in line] == [
        line for line in changed.splitlines() if "#" in line and "volumes" not in line
    ]


@pytest.mark.parametrize("text", FILES)
def test_what_was_added_is_taken_out_again(text: str) -> None:
    changed = with_volume(text, ENTRY)
    assert changed is not None
    back = without_volume(changed, len(yaml.safe_load(changed)["volumes"]) - 1)
    assert back is not None
    before = yaml.safe_load(text)
    assert {**yaml.safe_load(back)} in ({**before}, {**before, "volumes": []}, _without(before))


def _without(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != "volumes"}


@given(st.integers(1, 4), st.booleans(), st.data())
def test_any_one_of_several_can_go(count: int, flow: bool, data: st.DataObject) -> None:
    volumes = [{"name": f"v{index}", "size": "1GB", "mount": f"/v{index}"} for index in range(count)]
    text = yaml.safe_dump({"name": "digits", "volumes": volumes, "run": "x"}, sort_keys=False)
    if flow:
        line = yaml.safe_dump(volumes, default_flow_style=True, width=10_000).strip()
        text = f"name: digits\nvolumes: {line}\nrun: x\n"
    index = data.draw(st.integers(0, count - 1))
    changed = without_volume(text, index)
    assert changed is not None
    left = yaml.safe_load(changed)
    assert (left.get("volumes") or []) == [*volumes[:index], *volumes[index + 1 :]]
    assert (left["name"], left["run"]) == ("digits", "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "volumes:\nname: x\n",
        "volumes: 3\n",
        "volumes: {a: b}\n",
        "name: x\n...\n",
        "a: [",
        "a: &a [*a]\n",
    ],
)
def test_what_is_written_otherwise_is_left_alone(text: str) -> None:
    assert with_volume(text, ENTRY) is None


def test_a_value_that_yaml_would_read_otherwise_is_quoted() -> None:
    changed = with_volume("name: x\n", {"name": "yes", "volume": "off", "mount": "/a: b #c"})
    assert changed is not None
    assert yaml.safe_load(changed)["volumes"] == [{"name": "yes", "volume": "off", "mount": "/a: b #c"}]
