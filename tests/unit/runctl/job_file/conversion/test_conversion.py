"""Task files of SkyPilot and dstack become job files: what has a counterpart is there, the rest is told.

The files beside this one have the shapes of public examples of both tools, in other words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.conversion.convert import Converted, convert
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.spec import JobSpec

HERE = Path(__file__).parent
SKYPILOT = sorted((HERE / "skypilot").glob("*.yaml"))
DSTACK = sorted((HERE / "dstack").glob("*.dstack.yml"))


def converted(source: Path, tmp_path: Path, **more: Any) -> tuple[JobSpec, Converted]:
    found = convert(source, schema=".runctl/job.schema.json", region="us-east-1", **more)
    path = tmp_path / "job.yaml"
    path.write_text(found.text, encoding="utf-8")
    return load_job_file(path).spec, found


def sky(name: str, tmp_path: Path) -> tuple[JobSpec, dict[str, str]]:
    spec, found = converted(HERE / "skypilot" / f"{name}.yaml", tmp_path)
    return spec, {each.field: each.text for each in found.remarks}


def dstack(name: str, tmp_path: Path) -> tuple[JobSpec, dict[str, str]]:
    spec, found = converted(HERE / "dstack" / f"{name}.dstack.yml", tmp_path)
    return spec, {each.field: each.text for each in found.remarks}


def test_there_are_twelve_of_each() -> None:
    assert min(len(SKYPILOT), len(DSTACK)) >= 12


@pytest.mark.parametrize("source", [*SKYPILOT, *DSTACK], ids=lambda path: path.stem)
def test_each_is_valid_and_tells_all_that_it_lacks(source: Path, tmp_path: Path) -> None:
    spec, found = converted(source, tmp_path)
    assert spec.name == found.name
    assert found.tool == ("SkyPilot" if source in SKYPILOT else "dstack")
    assert "hunter2" not in found.text
    assert [line for line in found.text.splitlines() if str(line).startswith("#   ")] == [
        f"#   {each}" for each in sorted(found.remarks, key=lambda each: each.line or 0)
    ]
    assert all(each.line for each in found.remarks)


class TestSkyPilot:
    def test_a_finetune(self, tmp_path: Path) -> None:
        spec, told = sky("lora_finetune", tmp_path)
        assert (spec.name, spec.spot_policy, spec.shell, spec.workdir) == (
            "lora-finetune",
            "spot",
            "bash",
            ".",
        )
        assert spec.secrets == ("HF_TOKEN",)
        assert spec.env["SIZE"] == "8B"
        assert str(spec.resources.gpu) == "A100:8"
        assert spec.setup is not None
        assert 'ln -sfn "$PWD/configs" /configs' in spec.setup
        assert 'ln -sfn "$RUNCTL_OUTPUT_DIR" /output' in spec.setup
        assert spec.run.startswith("export SKYPILOT_NUM_GPUS_PER_NODE=8\ntune run")
        assert set(told) == {"resources.disk_tier", "file_mounts./output"}

    def test_a_container_elsewhere(self, tmp_path: Path) -> None:
        spec, told = sky("spot_container", tmp_path)
        assert (spec.name, spec.workdir, spec.secrets) == ("mistral-qlora", "mistral", ("HF_TOKEN", "BUCKET"))
        assert spec.setup is not None
        assert 'ln -sfn "$RUNCTL_CHECKPOINT_DIR" /checkpoints' in spec.setup
        assert spec.image.startswith("docker:")
        assert "runctl rents from AWS" in told["resources"]
        assert "as a secret" in told["envs.BUCKET"]

    def test_alternatives_of_several_clouds(self, tmp_path: Path) -> None:
        spec, told = sky("any_cloud", tmp_path)
        assert (str(spec.resources.gpu), spec.spot_policy) == ("A100:8", "on-demand")
        assert {"resources.any_of[0]", "resources.any_of[2]", "resources.any_of[3]"} <= set(told)
        assert "outside S3" in told["file_mounts.'~/.cache/corpus'"]

    def test_nodes(self, tmp_path: Path) -> None:
        spec, told = sky("two_nodes", tmp_path)
        assert (spec.nodes, spec.name, str(spec.resources.gpu)) == (2, "toy-ddp", "L4")
        assert spec.resources.cpu is not None
        assert (spec.resources.cpu.min, spec.resources.cpu.max) == (4, None)
        assert "export SKYPILOT_NODE_RANK=$RUNCTL_NODE_RANK\n" in spec.run
        assert set(told) == {"name"}

    def test_models_of_one_count_are_one_request(self, tmp_path: Path) -> None:
        spec, told = sky("many_models", tmp_path)
        assert spec.resources.gpu is not None
        assert (spec.resources.gpu.name, spec.resources.gpu.count) == (("L4", "A10g", "A10"), 8)
        assert (spec.resources.disk, spec.secrets) == (512, ("HF_TOKEN",))
        assert "A100:4, A100:80GB:4" in told["resources.accelerators"]
        assert "opens no ports" in told["resources.ports"]
        assert "serves nothing" in told["service"]
        assert "left out" in told["envs.HF_TOKEN"]

    def test_spot_or_not_is_auto_and_numbers_stay_as_they_stand(self, tmp_path: Path) -> None:
        spec, _ = sky("vectors", tmp_path)
        assert spec.spot_policy == "auto"
        assert dict(spec.env) == {
            "START_IDX": "0",
            "END_IDX": "10000",
            "RATE": "1e-4",
            "PADDED": "010",
            "VERBOSE": "yes",
            "WORKER_ID": "",
        }

    def test_data_in_buckets(self, tmp_path: Path) -> None:
        spec, told = sky("s3_data", tmp_path)
        assert [(each.source, each.path) for each in spec.data] == [
            ("s3://demo-data-of-someone", "data/data"),
            ("s3://datasets-of-someone/images/", "data/datasets"),
            ("s3://datasets-of-someone/tokens", "data/cache-tokens"),
            ("s3://datasets-of-someone/labels", "inside/labels"),
            ("s3://demo-data-of-someone/models", "data/models"),
        ]
        assert spec.setup is not None
        assert 'ln -sfn "$PWD/data/cache-tokens" "$HOME/cache/tokens"' in spec.setup
        assert "inside/labels" not in spec.setup
        assert "not stored in the bucket" in told["file_mounts./models"]

    def test_regions_and_types_in_order(self, tmp_path: Path) -> None:
        spec, told = sky("ordered_regions", tmp_path)
        assert (spec.region, spec.zones, spec.spot_policy) == ("us-west-2", ("us-west-2b",), "auto")
        assert spec.resources.instance_types == ("g5.2xlarge", "g4dn.4xlarge")
        assert spec.resources.memory is not None
        assert (spec.resources.memory.min, spec.resources.disk) == (32, 256)
        assert "a job runs in one" in told["resources.ordered[1]"]
        assert "runctl rents from AWS" in told["resources.ordered[2]"]

    def test_accelerators_that_nobody_offers(self, tmp_path: Path) -> None:
        spec, told = sky("mixed_accelerators", tmp_path)
        assert str(spec.resources.gpu) == "A100"
        assert "Inferentia is not offered" in told["resources.accelerators"]
        spec, told = sky("tpu", tmp_path)
        assert spec.resources.gpu is None
        assert "tpu-v5e-8 is not offered" in told["resources.accelerators"]

    def test_labels_price_image_and_secrets(self, tmp_path: Path) -> None:
        spec, told = sky("labels_and_recovery", tmp_path)
        assert dict(spec.tags) == {"team": "nlp", "cost": "12"}
        assert (spec.image, spec.max_price) == ("ami-0868a20f5a3bf9702", 4.5)
        assert spec.secrets == ("WANDB_API_KEY", "DB_PASSWORD")
        assert set(told) == {"resources.autostop", "resources.job_recovery", "secrets.DB_PASSWORD"}

    def test_volumes(self, tmp_path: Path) -> None:
        spec, told = sky("volumes", tmp_path)
        assert [(each.name, each.mount, each.size) for each in spec.volumes] == [
            ("shared-data", "/mnt/data", 100),
            ("cache-1", "/mnt/cache", 200),
        ]
        assert spec.resources.gpu is not None
        assert spec.resources.gpu.name == ("H100", "H200")
        assert set(told) == {"volumes./mnt/data", "workdir", "config"}

    def test_memory_of_gpus_and_zones(self, tmp_path: Path) -> None:
        spec, told = sky("memory_and_image", tmp_path)
        assert str(spec.resources.gpu) == "V100:32GB:8"
        assert (spec.region, spec.zones) == ("eu-west-1", ("eu-west-1b",))
        assert {"resources.network_tier", "event_callback", "inputs"} == set(told)


class TestDstack:
    def test_nodes_and_variables(self, tmp_path: Path) -> None:
        spec, told = dstack("multi_node_qlora", tmp_path)
        assert (spec.nodes, str(spec.resources.gpu), spec.shell) == (2, "80GB:8", "bash -e")
        assert spec.secrets == ("HF_TOKEN", "WANDB_PROJECT")
        assert "export DSTACK_GPUS_NUM=$((8 * RUNCTL_NUM_NODES))\n" in spec.run
        assert "export DSTACK_RUN_NAME=$RUNCTL_JOB\n" in spec.run
        assert spec.setup == "mkdir -p /checkpoints"
        assert spec.image.startswith("docker:")
        assert {"resources.shm_size", "volumes[0]", "env[1]"} == set(told)

    def test_a_range_of_counts_is_its_lower_end(self, tmp_path: Path) -> None:
        spec, told = dstack("nccl", tmp_path)
        assert str(spec.resources.gpu) == "1"
        assert "is a range of counts: 1 is asked for" in told["resources.gpu"]

    def test_ranges_stay_ranges_and_off_is_off(self, tmp_path: Path) -> None:
        spec, told = dstack("ranges", tmp_path)
        assert str(spec.resources.gpu) == "24GB.."
        assert spec.resources.cpu is not None
        assert spec.resources.memory is not None
        assert (spec.resources.cpu.min, spec.resources.memory.max, spec.resources.disk) == (4, 64, 100)
        assert (spec.max_duration, spec.spot_policy) == (None, "auto")
        assert spec.run == "pip install -r requirements.txt\npython train.py\n"
        assert set(told) == {"python"}

    def test_mappings(self, tmp_path: Path) -> None:
        spec, told = dstack("mappings", tmp_path)
        assert dict(spec.env) == {"LR": "1e-4", "EPOCHS": "3", "SHUFFLE": "true"}
        assert spec.secrets == ("HF_TOKEN",)
        assert str(spec.resources.gpu) == "A10G,L4:16GB..24GB"
        assert spec.resources.cpu is not None
        assert (spec.resources.cpu.min, spec.resources.cpu.max, spec.resources.disk) == (4, 8, 200)
        assert set(told) == {"env.HF_TOKEN", "resources.gpu"}

    def test_places_prices_and_limits(self, tmp_path: Path) -> None:
        spec, told = dstack("placed", tmp_path)
        assert (spec.region, spec.zones, spec.max_price) == ("us-west-2", ("us-west-2a",), 1.5)
        assert (spec.spot_policy, spec.max_duration, dict(spec.tags)) == ("spot", 21_600, {"team": "nlp"})
        assert spec.resources.instance_types == ("g5.xlarge", "g6.xlarge")
        refused = {
            "idle_duration",
            "stop_duration",
            "retry",
            "utilization_policy",
            "regions[1]",
            "regions[2]",
        }
        assert set(told) == refused

    def test_volumes_and_files(self, tmp_path: Path) -> None:
        spec, told = dstack("named_volumes", tmp_path)
        assert [(each.name, each.mount) for each in spec.volumes] == [
            ("data-west", "/volume_data"),
            ("cache", "/volumes/cache"),
        ]
        assert spec.setup is not None
        assert 'ln -sfn "/volumes/cache" /root/.cache' in spec.setup
        assert 'ln -sfn "$PWD/configs" /etc/train' in spec.setup
        assert 'ln -sfn "$PWD/data/labels.csv" /labels.csv' in spec.setup
        assert set(told) == {"volumes[0]", "volumes[1]", "volumes[2]", "files[2]"}

    def test_a_folder_and_a_shell(self, tmp_path: Path) -> None:
        spec, told = dstack("working_dir", tmp_path)
        assert spec.shell == "sh -e"
        assert "cd 'trainers/small one'\npython train.py" in spec.run
        assert set(told) == {"repos", "priority", "schedule", "fleets"}

    @pytest.mark.parametrize("name", ["amd", "tpu"])
    def test_accelerators_that_nobody_offers(self, name: str, tmp_path: Path) -> None:
        spec, told = dstack(name, tmp_path)
        assert spec.resources.gpu is None
        assert "is not offered" in told["resources.gpu"]

    def test_a_task_without_a_name_has_that_of_its_file(self, tmp_path: Path) -> None:
        assert dstack("plain", tmp_path)[0].name == "plain"


class TestRefusals:
    def refused(self, tmp_path: Path, text: str) -> JobFileError:
        source = tmp_path / "task.yml"
        source.write_text(text)
        with pytest.raises(JobFileError) as raised:
            convert(source, schema="s", region="us-east-1")
        return raised.value

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("service", "serves nothing"),
            ("dev-environment", "nobody logs in"),
            ("fleet", "made for it"),
            ("volume", "named by the job"),
            ("gateway", "opens no ports"),
            ("other", "only a task"),
        ],
    )
    def test_other_kinds_of_dstack(self, tmp_path: Path, kind: str, reason: str) -> None:
        error = self.refused(tmp_path, f"type: {kind}\ncommands: [x]\n")
        assert reason in error.what
        assert error.problems[0].line == 1

    @pytest.mark.parametrize("text", ["type: task\n", "type: task\ncommands: []\n", "resources: {cpus: 2}\n"])
    def test_tasks_without_a_command(self, tmp_path: Path, text: str) -> None:
        assert "has no command" in self.refused(tmp_path, text).what

    def test_a_pipeline_of_several_tasks(self, tmp_path: Path) -> None:
        assert "second document" in str(self.refused(tmp_path, "name: a\n---\nrun: x\n"))

    def test_what_is_no_yaml(self, tmp_path: Path) -> None:
        assert "is not YAML" in str(self.refused(tmp_path, "run: [\n"))


def test_names_and_markets_that_are_asked_for_win(tmp_path: Path) -> None:
    spec, _ = converted(HERE / "skypilot" / "tpu.yaml", tmp_path, name="mine", spot_policy="on-demand")
    assert (spec.name, spec.spot_policy) == ("mine", "on-demand")
