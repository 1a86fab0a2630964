"""Whole job files: the one of the documentation, and everything that can be wrong with one at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.support import unsupported
from runctl_auto.job_file.work_folder import find_work_folder

JobFile = Callable[..., Path]

WHOLE = """
name: digits
provider: aws
region: us-east-1
image: auto
network: {vpc: default, subnet: auto}
workdir: .
setup: pip install -r requirements.txt
run: python train.py --epochs 5
env: {SEED: "1"}
secrets: [HF_TOKEN]
resources:
  instance_types: [g5.xlarge, g4dn.xlarge]
  disk: 50GB
zones: []
spot_policy: auto
max_price: 0.60
budget: 20
max_duration: 12h
idle_duration: 30m
retry: {on_events: [no-capacity, interruption, error], duration: 24h}
nodes: 1
volumes:
  - {name: data, size: 100GB, mount: /data, protect: true, snapshot: null}
data: [{source: "s3://bucket/prefix", path: data/}]
checkpoints: {path: checkpoints, every: 60s, keep: 3}
artifacts: {paths: [model/], keep: false}
tags: {team: nlp}
"""
SMALL = "name: digits\nregion: us-east-1\nrun: python train.py\n"


def problems(path: Path) -> list[FieldProblem]:
    with pytest.raises(JobFileError) as raised:
        load_job_file(path)
    return list(raised.value.problems)


def only_problem(path: Path) -> FieldProblem:
    (problem,) = problems(path)
    return problem


def test_every_field_is_understood(job_file: JobFile) -> None:
    spec = load_job_file(job_file(WHOLE)).spec
    assert spec.resources.instance_types == ("g5.xlarge", "g4dn.xlarge")
    assert spec.resources.disk == 50
    assert (spec.max_duration, spec.idle_duration, spec.max_price, spec.budget) == (43_200, 1_800, 0.6, 20.0)
    assert spec.volumes[0].protect is True
    assert spec.volumes[0].size == 100
    assert spec.retry is not None
    assert spec.retry.duration == 86_400
    assert spec.checkpoints.every == 60


def test_a_small_job_has_defaults_for_the_rest(job_file: JobFile) -> None:
    spec = load_job_file(job_file(SMALL)).spec
    assert (spec.provider, spec.image, spec.spot_policy, spec.nodes) == ("aws", "auto", "auto", 1)
    assert spec.resources.instance_types == ("m5.large",)
    assert spec.network.vpc == "default"
    assert unsupported(spec) == []


def test_a_job_reads_back_from_its_own_dump(job_file: JobFile) -> None:
    spec = load_job_file(job_file(WHOLE)).spec
    assert JobSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_settings_fill_in_what_the_file_leaves_out_and_nothing_else(job_file: JobFile) -> None:
    path = job_file("name: digits\nrun: x\n")
    assert load_job_file(path, defaults={"region": "eu-west-1"}).spec.region == "eu-west-1"
    assert load_job_file(job_file(SMALL), defaults={"region": "eu-west-1"}).spec.region == "us-east-1"


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file(job_file: JobFile) -> None:
    path = job_file(
        "name: Digits\n"
        "regoin: us-east-1\n"
        "image: foo\n"
        "run: 3\n"
        "resources:\n"
        "  cpu: 8..4\n"
        "volumes:\n"
        "  - {name: data, size: 100GB, mount: /etc/x, protec: true}\n"
    )
    found = problems(path)
    assert [(problem.line, problem.field) for problem in found] == [
        (1, "name"),
        (1, "region"),
        (2, "regoin"),
        (3, "image"),
        (4, "run"),
        (6, "resources.cpu"),
        (8, "volumes[0].mount"),
        (8, "volumes[0].protec"),
    ]
    assert str(found[2]).startswith(f"{path}:2:1: regoin: is not a field of a job file")
    assert (found[2].allowed or "").startswith("name, provider")
    assert str(found[2]).endswith("did you mean 'region'?")
    assert str(found[6]) == (
        f"{path}:8:31: volumes[0].mount: lies in the system folder /etc; found /etc/x; "
        "allowed: an absolute path outside the system's folders, such as /data"
    )


@pytest.mark.parametrize(
    ("written", "field", "said"),
    [
        ("spot_policy: spto", "spot_policy", "did you mean 'spot'?"),
        ("retry: {on_events: [eror]}", "retry.on_events[0]", "did you mean 'error'?"),
        ("background: detach", "background", "allowed: fail, wait or stop"),
        ('shell: "bash \'x"', "shell", "is not a command line"),
        ("shell: bash -e -c", "shell", "ends with -c, which runctl adds"),
        ("shell: -e", "shell", "names no program"),
        ("env: {SEED: }", "env.SEED", "names to texts, numbers and truth values"),
        ("env: {SEED: [1]}", "env.SEED", "is of the wrong type"),
        ("env: {RUNCTL_JOB: x}", "env.RUNCTL_JOB", "which runctl itself sets"),
        ("env: {1A: x}", "env.1A", "is not a name of an environment variable"),
        ("tags: {'aws:x': y}", "tags.aws:x", "which is reserved"),
        ("tags: {'runctl:job': y}", "tags.runctl:job", "which runctl itself sets"),
        ("tags: {a: 'tab\\tin'}", "tags.a", "is of the wrong type|is not a tag value"),
        ("checkpoints: {path: ../x}", "checkpoints.path", "leads out of the work folder"),
        ("artifacts: {paths: [/abs]}", "artifacts.paths[0]", "leads out of the work folder"),
        ("artifacts: {paths: [.]}", "artifacts.paths[0]", "is the work folder itself"),
        ("max_price: '0.6'", "max_price", "is not a number"),
        ("max_price: .inf", "max_price", "is not a finite number"),
        ("max_duration: 12:30", "max_duration", "found 12:30"),
        ("max_duration: 12 parsecs", "max_duration", "such as 90s, 12h or 1h30m"),
        ("nodes: true", "nodes", "is not a whole number"),
        ("nodes: 2000", "nodes", "is out of range"),
        ("zones: [us-west-2a]", "zones[0]", "zones of us-east-1"),
        ("zones: us-east-1a", "zones", "is of the wrong type"),
        ("network: {vpc: mine}", "network.vpc", "is not a VPC"),
        ("image: ssm:relative", "image", "ssm:/NAME"),
        ("resources: {instance_types: [huge]}", "resources.instance_types[0]", "such as g5.xlarge"),
        ("resources: {instance_types: []}", "resources", "names neither"),
        ("resources: {memory: 4}", None, ""),
        ("resources: {memory: much}", "resources.memory", "is not a size"),
        ("resources: {gpu: 'A10G:none'}", "resources.gpu", "is not a whole number"),
        ("resources: null", "resources", "found null|found nothing"),
        ("data: [{source: 'https://x', path: d}]", "data[0].source", "s3://BUCKET/PREFIX"),
        ("volumes: [{name: a, mount: /a}]", "volumes[0]", "needs one of size"),
        ("volumes: [{name: a, mount: /a, size: 1GB, id: vol-12345678}]", "volumes[0]", "needs one of size"),
        ("volumes: [{name: a, mount: a, size: 1GB}]", "volumes[0].mount", "not an absolute path"),
        (
            "volumes: [{name: a, mount: /a, size: 1GB}, {name: b, mount: /a/b, size: 1GB}]",
            "volumes[1].mount",
            "lies in another volume's folder",
        ),
        ("secrets: [A]\nenv: {A: b}", "secrets[0]", "is also in env"),
        ("run: again", "run", "stands here again; first on line 3"),
        ("setup: ''", "setup", "is empty"),
        ("? [a, b]\n: c", "", "a key that is not a plain text"),
        ("x: !!python/object/new:os.system [ls]", "x", "has the tag"),
        ("setup: !!int x", "setup", "is not a plain value"),
    ],
)
def test_one_thing_wrong(job_file: JobFile, written: str, field: str | None, said: str) -> None:
    path = job_file(SMALL + written + "\n")
    if field is None:
        load_job_file(path)
        return
    problem = only_problem(path)
    assert problem.field == field
    assert any(each in str(problem) for each in said.split("|")), str(problem)
    assert problem.line is not None


def test_values_of_env_are_never_repeated(job_file: JobFile) -> None:
    found = problems(job_file(SMALL + "env: {A: 'hunter2', RUNCTL_B: 'hunter2', C: [31337]}\n"))
    assert len(found) == 2
    assert not any("hunter2" in str(problem) or "31337" in str(problem) for problem in found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"- a\n- b\n", "is not a mapping"),
        (b"just text", "is not a mapping"),
        (b"name: [\n", "is not YAML"),
        (b"name: \xff\xfe", "is not UTF-8 text"),
        (b"name: a\x00b", "holds a character that no text may hold"),
        (b"a: &x [*x]\n", "has an alias inside its own anchor"),
        (b"a: *x\n", "found undefined alias"),
        (
            b"a: &x {b: {c: {d: {e: {f: {g: 1}}}}}}\nh: {i: {j: {k: {l: {m: {n: *x}}}}}}\n",
            "is nested too deeply",
        ),
        (b"a: 1\n---\nb: 2\n", "holds a second document"),
        (b"x: " + b"[" * 500 + b"]" * 500, "is nested too deeply"),
        (b"x: " + b"{a: " * 500, "is nested too deeply"),
        (b"# " + b"x" * 70_000, "is too large"),
    ],
)
def test_what_is_no_job_file_at_all(job_file: JobFile, content: bytes, said: str) -> None:
    assert said in str(only_problem(job_file(content)))


def test_an_alias_bomb_is_refused_where_its_values_are_too_many(job_file: JobFile) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n" for number in range(1, 60)
    )
    problem = only_problem(job_file(bomb))
    assert (problem.line, problem.message) == (10, "holds too many values")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="No such file") as raised:
        load_job_file(tmp_path / "job.yaml")
    assert raised.value.next_step == "`runctl init` writes a job file."


def test_a_folder_and_a_pipe_are_not_opened_for_long(tmp_path: Path) -> None:
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is not a regular file" in str(only_problem(pipe))
    assert "is a folder" in str(only_problem(tmp_path))


OTHER_WORDS = """name: digits
type: task
regions: [us-east-1]
num_nodes: 2
instance_types: [g5.xlarge]
resources:
  use_spot: true
  cpus: 4+
  memory: 16+
  accelerators: A10G:1
  disk_size: 256
envs: [A=b, C=d=e, F=]
commands:
  - pip install x
  - |
    for i in 1 2; do
      echo $i
    done
"""
OUR_WORDS = """name: digits
region: us-east-1
nodes: 2
resources: {instance_types: [g5.xlarge], cpu: 4.., memory: 16GB.., gpu: A10G:1, disk: 256GB}
spot_policy: spot
env: {A: b, C: d=e, F: ""}
run: "pip install x\\nfor i in 1 2; do\\n  echo $i\\ndone\\n"
"""


def test_words_of_skypilot_and_dstack_mean_what_ours_mean(job_file: JobFile) -> None:
    theirs = load_job_file(job_file(OTHER_WORDS)).spec
    assert theirs == load_job_file(job_file(OUR_WORDS)).spec


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("use_spot: false", "spot_policy: on-demand"),
        ("backends: [aws]", "provider: aws"),
        ("availability_zones: [us-east-1a]", "zones: [us-east-1a]"),
        ("resources: {zone: us-east-1a, cloud: aws}", "zones: [us-east-1a]"),
        ("resources: {instance_type: g5.xlarge}", "resources: {instance_types: [g5.xlarge]}"),
        ("envs: {A: b}", "env: {A: b}"),
    ],
)
def test_another_name_means_the_same(job_file: JobFile, written: str, ours: str) -> None:
    assert (
        load_job_file(job_file(SMALL + written + "\n")).spec
        == load_job_file(job_file(SMALL + ours + "\n")).spec
    )


def test_the_place_of_a_field_is_where_it_stands_under_any_name(job_file: JobFile) -> None:
    places = load_job_file(job_file(OTHER_WORDS)).document
    lines = {
        location: position.line
        for location in (
            ("region",),
            ("nodes",),
            ("resources", "instance_types", 0),
            ("resources", "gpu"),
            ("spot_policy",),
            ("env", "C"),
            ("run",),
            ("max_price",),
        )
        if (position := places.position(location))
    }
    assert list(lines.values()) == [3, 4, 5, 10, 7, 12, 13, 1]


def test_the_work_folder_is_relative_to_the_job_file(job_file: JobFile, tmp_path: Path) -> None:
    path = job_file(SMALL + "workdir: code\n")
    with pytest.raises(JobFileError, match="not a folder"):
        find_work_folder(load_job_file(path))
    (tmp_path / "code").mkdir()
    assert find_work_folder(load_job_file(path)) == (tmp_path / "code").resolve()


def test_what_up_does_not_do_yet_is_named(job_file: JobFile) -> None:
    several = WHOLE.replace("size: 100GB", "id: vol-12345678").replace("nodes: 1", "nodes: 2")
    spec = load_job_file(job_file(f"{several}recovery: cloud\n")).spec
    assert [each.field for each in unsupported(spec)] == [
        "nodes: 2 with recovery: cloud",
        "nodes: 2 with volumes",
    ]
    assert all("is not supported yet; " in str(each) for each in unsupported(spec))


def test_errors_are_tried_again_only_if_the_file_says_so(job_file: JobFile) -> None:
    spec = load_job_file(job_file(SMALL + "retry: {on_events: [no-capacity, interruption, error]}\n")).spec
    assert (unsupported(spec), spec.max_attempts) == ([], 3)
    assert load_job_file(job_file(SMALL + "retry: {max_attempts: 5}\n")).spec.max_attempts == 1
    assert (
        load_job_file(job_file(SMALL + "retry: {on_events: [error], max_attempts: 5}\n")).spec.max_attempts
        == 5
    )


def test_a_budget_needs_no_limit_in_time(job_file: JobFile) -> None:
    assert unsupported(load_job_file(job_file(SMALL + "budget: 5\nidle_duration: 10m\n")).spec) == []


def test_a_link_to_a_file_outside_of_the_project_quotes_nothing_of_it(tmp_path: Path) -> None:
    secret = tmp_path / "home" / "secret"
    secret.parent.mkdir()
    secret.write_text("token: hunter2\n")
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "job.yaml").symlink_to(secret)
    (project / "jobs").symlink_to(secret.parent)
    for path in (project / "job.yaml", project / "jobs" / "secret"):
        told = str(only_problem(path))
        assert "is reached by a link that leads out of the project" in told
        assert "hunter2" not in told
        assert "token" not in told
    (project / "real.yaml").write_text(SMALL)
    (project / "near.yaml").symlink_to("real.yaml")
    assert load_job_file(project / "near.yaml").spec.name == "digits"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "nodes: 2\non_demand_ranks: [0, 2]\n",
            "5:22: on_demand_ranks[1]: names no rank of 2 nodes; found 2; allowed: numbers from 0 to 1",
        ),
        (
            "on_demand_ranks: [1]\n",
            "4:19: on_demand_ranks[0]: names no rank of 1 node; found 1; allowed: nodes: 2 or more first",
        ),
        (
            "nodes: 2\non_demand_ranks: [0, 1]\n",
            "5:1: on_demand_ranks: names all ranks; allowed: some of them, or spot_policy: on-demand",
        ),
        ("nodes: 65\n", "4:1: nodes: is out of range; found 65; allowed: a whole number from 1 to 64"),
        (
            "nodes: 2\nelastic: {min: 2}\n",
            "5:11: elastic.min: is not below nodes: 2; found 2; allowed: a whole number from 1 to 1",
        ),
        (
            "elastic: {min: 1}\n",
            "4:1: elastic: has no meaning with one node; allowed: nodes: 2 or more first",
        ),
    ],
)
def test_ranks_that_are_none_are_refused_where_they_stand(job_file: JobFile, more: str, told: str) -> None:
    problem = only_problem(job_file(f"name: digits\nregion: us-east-1\nrun: 'true'\n{more}"))
    assert str(problem).endswith(told)


@pytest.mark.parametrize("region", ["us-esat-1", "us-east1", "useast-1", "us-east-1a", "US-EAST-1", "mars"])
def test_a_slip_in_a_region_is_seen_without_a_cloud(job_file: JobFile, region: str) -> None:
    problem = only_problem(job_file(f"name: digits\nregion: {region}\nrun: 'true'\n"))
    assert problem.message == "is not a region"


def test_regions_of_all_partitions_are_regions(job_file: JobFile) -> None:
    session = boto3.session.Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("ec2", partition_name=partition):
            path = job_file(f"name: digits\nregion: {region}\nrun: 'true'\n")
            assert load_job_file(path).spec.region == region


def test_what_contradicts_the_file_as_a_whole_quotes_no_mapping(job_file: JobFile) -> None:
    more = "registry_auth: {username: me, password: A}\n"
    problem = only_problem(job_file(SMALL + more))
    assert "is no container" in problem.message
    assert problem.found is None


def test_a_suggestion_is_not_lost_behind_all_that_is_allowed(job_file: JobFile) -> None:
    problem = only_problem(job_file(SMALL + "spot: true\n"))
    assert str(problem).endswith("spot: is not a field of a job file; did you mean 'spot_policy'?")
    assert problem.allowed is not None
    assert "on_demand_ranks" in problem.allowed


def test_several_types_under_the_name_of_one_are_told_the_other_name(job_file: JobFile) -> None:
    problem = only_problem(job_file(SMALL + "resources: {instance_type: [m5.large, t3.medium]}\n"))
    assert "instance_types lists several" in str(problem)


def test_of_several_machines_runctl_makes_the_next_one(job_file: JobFile) -> None:
    text = "name: digits\nregion: us-east-1\nrun: 'true'\nretry: {on_events: [interruption]}\n"
    assert load_job_file(job_file(text)).spec.recovers_by == "cloud"
    several = load_job_file(job_file(f"{text}nodes: 2\n")).spec
    assert (several.recovers_by, unsupported(several)) == ("runctl", [])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("nodes: 2\nrecovery: cloud\n", "a group of the cloud cannot tell which of several machines"),
        ("nodes: 3\nelastic: {min: 2}\nrecovery: none\n", "nobody would make the machine"),
        ("network: {placement: cluster}\n", "one machine has no others to be close to"),
    ],
)
def test_what_several_machines_cannot_have_is_refused_by_name(
    job_file: JobFile, more: str, said: str
) -> None:
    spec = load_job_file(job_file(f"name: digits\nregion: us-east-1\nrun: 'true'\n{more}")).spec
    (found,) = unsupported(spec)
    assert said in str(found)
