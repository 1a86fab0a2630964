"""What docker and podman are asked: no secret is an argument, and a container shares what it is to share."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.containers.joining import Joining
from runctl_auto.agent.containers.runtime import Runtime, Wanted, is_clients_own, without_nested

DOCKER, PODMAN = Runtime("/usr/bin/docker"), Runtime("/usr/bin/podman", is_podman=True)
WORK = Path("/var/lib/runctl/runs/r1/work")


def wanted(**changes: object) -> Wanted:
    values: dict[str, object] = {"name": "runctl-digits-r1", "work": WORK, "labels": {"job": "digits"}}
    return Wanted(**{**values, "shared": (WORK,), **changes})  # type: ignore[arg-type]


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_a_container_is_kept_by_its_input_and_removes_itself() -> None:
    words = DOCKER.keep("ghcr.io/acme/train@sha256:0f", wanted(user="0:0"))
    assert words[:2] == ["/usr/bin/docker", "run"]
    assert {"--rm", "--interactive"} <= set(words)
    assert after(words, "--network") == "host"
    assert after(words, "--user") == "0:0"
    assert after(words, "--workdir") == str(WORK)
    assert after(words, "--mount") == f"type=bind,source={WORK},target={WORK}"
    assert words[words.index("--entrypoint") + 1 : -1] == ["sh", "ghcr.io/acme/train@sha256:0f", "-c"]
    assert not {"--gpus", "--shm-size", "--ulimit"} & set(words)


def test_gpus_as_the_runtime_names_them() -> None:
    assert after(DOCKER.keep("i", wanted(gpus="all")), "--gpus") == "all"
    assert after(DOCKER.keep("i", wanted(gpus="0,2")), "--gpus") == '"device=0,2"'
    kept = PODMAN.keep("i", wanted(gpus="0,2", as_caller=True))
    assert {"--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=2"} <= set(kept)
    assert after(kept, "--userns") == "keep-id"


def test_a_path_with_a_comma_is_one_field() -> None:
    words = DOCKER.keep("i", wanted(shared=(Path("/a,b"),)))
    assert after(words, "--mount") == 'type=bind,"source=/a,b","target=/a,b"'


def test_variables_are_named_and_not_shown() -> None:
    given_ = {"TOKEN": "s3cret", "PATH": "/opt/bin:/bin", "LD_PRELOAD": "x", "DOCKER_HOST": "tcp://a"}
    words = DOCKER.execute("box", WORK, given_, "0:0")
    assert words[:2] == ["/usr/bin/docker", "exec"]
    assert words[-1] == "box"
    shown = [words[number + 1] for number, word in enumerate(words) if word == "--env"]
    assert shown == ["TOKEN", "PATH=/opt/bin:/bin", "LD_PRELOAD=x", "DOCKER_HOST=tcp://a"]


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,12}", fullmatch=True), st.just("s3cret-value")))
def test_no_value_is_an_argument_but_of_the_programs_own(variables: dict[str, str]) -> None:
    words = DOCKER.execute("box", WORK, variables, None)
    shown = [word for word in words if "s3cret-value" in word]
    assert all(is_clients_own(word.partition("=")[0]) for word in shown)


def test_logins_are_kept_where_they_are_told_to(tmp_path: Path) -> None:
    assert DOCKER.login_variables(tmp_path) == {"DOCKER_CONFIG": str(tmp_path)}
    assert PODMAN.login_variables(tmp_path) == {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    assert DOCKER.login("ghcr.io", "me")[1:] == ["login", "--username", "me", "--password-stdin", "ghcr.io"]


@given(st.lists(st.sampled_from(["/a", "/a/b", "/a/b/c", "/ab", "/d", "/d/e"]).map(Path)))
def test_nested_paths_are_shared_once(paths: list[Path]) -> None:
    found = without_nested(paths)
    assert all(any(path.is_relative_to(each) for each in found) for path in paths)
    assert not any(a != b and a.is_relative_to(b) for a in found for b in found)
    assert len(set(found)) == len(found)


def test_others_join_with_the_names_that_the_agent_has_written(tmp_path: Path) -> None:
    record = tmp_path / "container.json"
    assert Joining.of(record) is None
    record.write_text(
        '{"program": "docker", "podman": false, "name": "box", "user": "0:0", '
        '"variables": {"TOKEN": null, "PATH": "/bin"}}'
    )
    joining = Joining.of(record)
    assert joining is not None
    typed = joining.words(["bash", "-i"], WORK, typed=True)
    assert typed[:4] == ["docker", "exec", "--interactive", "--tty"]
    assert typed[-4:] == ["PATH=/bin", "box", "bash", "-i"]
    assert "--interactive" not in joining.words(["ls"], WORK)
