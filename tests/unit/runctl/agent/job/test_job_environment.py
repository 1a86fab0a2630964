from __future__ import annotations

from pathlib import Path

import pytest
from support.agent_spec import run_spec

from runctl_auto.agent.job.job_environment import JobFolders, job_environment, variable_part
from runctl_auto.agent.nodes.master_port import ports_of

WORK = Path("/var/lib/runctl/runs/r1/work")


def environment(mounts: dict[str, Path] | None = None, inherited: dict[str, str] | None = None, **changes):
    spec, mounts = run_spec(**changes), mounts or {}
    return job_environment(spec, JobFolders.of(spec, WORK, mounts), mounts, inherited or {}, Path("/root"))


def test_the_contract_with_training_scripts() -> None:
    found = environment()
    contract = {
        name: value for name, value in found.items() if "RUNCTL" in name or "MASTER" in name or "NODE" in name
    }
    assert contract == {
        "RUNCTL_JOB": "digits",
        "RUNCTL_RUN_ID": "r1",
        "RUNCTL_CHECKPOINT_DIR": f"{WORK}/checkpoints",
        "RUNCTL_OUTPUT_DIR": f"{WORK}/output",
        "RUNCTL_DATA_DIR": f"{WORK}/data",
        "RUNCTL_NODE_RANK": "0",
        "RUNCTL_NUM_NODES": "1",
        "RUNCTL_MASTER_ADDR": "127.0.0.1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(ports_of("r1")[0]),
        "NODE_RANK": "0",
        "RUNCTL_NODE_IPS": "127.0.0.1",
        "RUNCTL_GPUS_PER_NODE": "0",
        "SKYPILOT_NODE_RANK": "0",
        "SKYPILOT_NODE_IPS": "127.0.0.1",
        "SKYPILOT_NUM_NODES": "1",
        "SKYPILOT_NUM_GPUS_PER_NODE": "0",
        "DSTACK_NODE_RANK": "0",
        "DSTACK_NODES_NUM": "1",
        "DSTACK_MASTER_NODE_IP": "127.0.0.1",
        "DSTACK_NODES_IPS": "127.0.0.1",
        "DSTACK_GPUS_PER_NODE": "0",
    }


def test_of_several_nodes_the_master_is_told_at_each_start() -> None:
    found = environment(nodes=4, node=2)
    assert (found["RUNCTL_NODE_RANK"], found["RUNCTL_NUM_NODES"]) == ("2", "4")
    assert not {"MASTER_ADDR", "MASTER_PORT", "RUNCTL_NODE_IPS"} & found.keys()


def test_a_sane_environment_where_the_service_has_none() -> None:
    found = environment()
    assert found["HOME"] == "/root"
    assert "/usr/bin" in found["PATH"].split(":")
    assert found["PYTHONUNBUFFERED"] == "1"


def test_the_machine_the_job_file_the_contract_in_this_order() -> None:
    found = environment(
        inherited={"SEED": "machine", "HOME": "/home/x", "RUNCTL_JOB": "machine", "NOTIFY_SOCKET": "s"},
        env={"SEED": "job file", "RUNCTL_JOB": "job file", "PYTHONUNBUFFERED": "0"},
    )
    assert (found["SEED"], found["HOME"], found["RUNCTL_JOB"]) == ("job file", "/home/x", "digits")
    assert found["PYTHONUNBUFFERED"] == "0"
    assert "NOTIFY_SOCKET" not in found


def test_volumes_by_name_and_data_on_the_volume_of_that_name() -> None:
    found = environment({"data": Path("/data"), "big-cache.2": Path("/mnt/c")})
    assert found["RUNCTL_VOLUME_DATA"] == found["RUNCTL_DATA_DIR"] == "/data"
    assert found["RUNCTL_VOLUME_BIG_CACHE_2"] == "/mnt/c"


@pytest.mark.parametrize(("name", "part"), [("data", "DATA"), ("a-b", "A_B"), ("ä", "_")])
def test_names_as_variables(name: str, part: str) -> None:
    assert variable_part(name) == part


def test_folders_are_made(tmp_path: Path) -> None:
    folders = JobFolders.of(run_spec(), tmp_path / "work", {"data": tmp_path / "volume"})
    folders.make()
    assert all(path.is_dir() for path in (folders.checkpoints, folders.output, tmp_path / "volume"))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("PATH", "/opt/bin:$PATH", "/opt/bin:/usr/bin:/bin"),
        ("PATH", "${PATH}:/opt/bin", "/usr/bin:/bin:/opt/bin"),
        ("PATH", "~/bin:$HOME/.local/bin:$PATH", "/root/bin:/root/.local/bin:/usr/bin:/bin"),
        ("PATH", "/opt/bin", "/opt/bin"),
        ("PATH", "$PATHS:$OTHER:a~b", "$PATHS:$OTHER:a~b"),
        ("PYTHONPATH", "src:$PYTHONPATH", "src"),
        ("LD_LIBRARY_PATH", "${LD_LIBRARY_PATH}:/opt/lib", "/lib64:/opt/lib"),
        ("PYTHONPATH", "src::lib", "src::lib"),
        ("GREETING", 'it\'s "$HOME" \\ `id` $GREETING $PATH', 'it\'s "$HOME" \\ `id` $GREETING $PATH'),
    ],
)
def test_search_paths_may_extend_those_of_the_machine(name: str, value: str, found: str) -> None:
    inherited = {"PATH": "/usr/bin:/bin", "HOME": "/root", "LD_LIBRARY_PATH": "/lib64", "GREETING": "hi"}
    assert environment(inherited=inherited, env={name: value})[name] == found


def test_a_path_extends_the_default_one_where_the_machine_has_none() -> None:
    assert environment(env={"PATH": "/opt/bin:$PATH"})["PATH"].startswith("/opt/bin:/usr/local/sbin:")
