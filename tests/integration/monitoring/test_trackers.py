"""MLflow and Weights & Biases, installed by the test, take the metrics of runs and give them back."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from support.fetched_tools import python_packages

pytestmark = pytest.mark.matrix

WRITES = """\
import json, sys
from datetime import datetime, timezone
from pathlib import Path
from runctl_auto.observe.metrics.series import RunMetrics, Series
from runctl_auto.observe.metrics.tracked_run import TrackedRun

def series(name, steps, values, axis="step", source="output"):
    return Series(name, axis, source, "", len(steps), steps, values, steps)

metrics = RunMetrics(
    "0123456789",
    datetime(2026, 11, 30, tzinfo=timezone.utc),
    None,
    (
        series("loss", (1.0, 2.0, 4.0), (3.0, float("nan"), 1.0)),
        series("eval/f1 \\x1b[2J=", (0.5, 1.0), (0.25, 0.5), "epoch"),
    ),
    (series("cpu", (30.0,), (0.5,), "time", "machine"),),
)
run = TrackedRun("digits", "0123456789", metrics, "failed", None, {"market": "spot"})
folder = Path(sys.argv[1])
"""
MLFLOW = (
    WRITES
    + """\
from runctl_auto.observe.metrics.mlflow_store import write_to_mlflow
for _ in range(2):
    (identity,) = write_to_mlflow(folder, [run])
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=folder.resolve().as_uri())
(experiment,) = [each for each in client.search_experiments() if each.name == "digits"]
(found,) = client.search_runs([experiment.experiment_id])
history = client.get_metric_history(identity, "loss")
print(json.dumps({
    "id": found.info.run_id == identity,
    "status": found.info.status,
    "params": found.data.params,
    "loss": [(each.step, each.timestamp, str(each.value)) for each in history],
    "names": sorted(found.data.metrics),
}))
"""
)
WANDB = (
    WRITES
    + """\
from runctl_auto.observe.metrics.wandb_offline import write_to_wandb
(written,) = write_to_wandb(folder, [run])
print(json.dumps({"folder": written.name, "files": sorted(each.name for each in written.iterdir())}))
"""
)


def result(packages: Path, script: str, folder: Path) -> dict[str, object]:
    path = f"import sys; sys.path.insert(0, {str(packages)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", path + script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_file_store_of_mlflow(tmp_path: Path) -> None:
    packages = python_packages(tmp_path / "packages", "mlflow-skinny")
    began = int(datetime(2026, 11, 30, tzinfo=timezone.utc).timestamp() * 1000)
    assert result(packages, MLFLOW, tmp_path / "store") == {
        "id": True,
        "status": "FAILED",
        "params": {"market": "spot"},
        "loss": [[1, began + 1000, "3.0"], [2, began + 2000, "nan"], [4, began + 4000, "1.0"]],
        "names": ["eval/f1 _", "loss", "machine/cpu"],
    }


def test_an_offline_run_of_wandb(tmp_path: Path) -> None:
    packages = python_packages(tmp_path / "packages", "wandb")
    found = result(packages, WANDB, tmp_path / "runs")
    assert str(found["folder"]).startswith("offline-run-")
    assert "run-0123456789.wandb" in str(found["files"])
    (file,) = (tmp_path / "runs").glob("wandb/offline-run-*/run-0123456789.wandb")
    content = file.read_bytes()
    for name in (b"loss", b"eval/f1", b"machine/cpu", b"digits"):
        assert name in content
