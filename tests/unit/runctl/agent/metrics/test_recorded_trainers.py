"""What real trainers printed and wrote, recorded by `support/trainer_outputs.py`, read as on a machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore
from support.event_files import event, record, scalar
from support.metrics_machine import MetricsMachine

from runctl_auto.agent.keys import metrics_key
from runctl_auto.observe.metrics.series import Series

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def machine(tmp_path: Path) -> MetricsMachine:
    return MetricsMachine(tmp_path / "m1", MemoryStore())


def printed(machine: MetricsMachine, name: str) -> dict[str, Series]:
    with (RECORDED / name).open(encoding="utf-8", newline="") as file:
        machine.prints(file.read())
    return {each.name: each for each in machine.stored().training}


def test_scikit_learn(machine: MetricsMachine, tmp_path: Path) -> None:
    loss = printed(machine, "scikit_learn_sgd.txt")["Avg. loss"]
    assert (loss.axis, loss.steps) == ("epoch", (1, 2, 3, 4, 5))
    assert loss.values == pytest.approx((3.827199, 4.251827, 1.803873, 1.937434, 0.590078))
    other = printed(MetricsMachine(tmp_path / "m2", MemoryStore()), "scikit_learn_mlp.txt")
    assert (other["loss"].axis, other["loss"].steps) == ("step", (1, 2, 3, 4, 5))
    assert other["loss"].last == pytest.approx(0.85471391, rel=1e-6)
    assert other["Validation score"].points == 5


def test_a_torch_loop_with_tqdm(machine: MetricsMachine) -> None:
    found = printed(machine, "torch_tqdm.txt")
    loss = found["loss"]
    assert loss.axis == "step"
    assert loss.steps == tuple(range(0, 61, 4)), "a bar an epoch, and one count"
    assert (loss.values[0], loss.values[1]) == (6.7294, 6.4527), "the last that the bar told of a step"
    assert found["val_loss"].points == 3
    assert found.keys() == {"loss", "lr", "val_loss", "val_acc"}


def test_transformers(machine: MetricsMachine) -> None:
    found = printed(machine, "transformers_trainer.txt")
    assert found["loss"].axis == "epoch"
    assert found["loss"].steps == (0.3333, 0.6667, 1.0, 1.333, 1.667, 2.0)
    assert found["loss"].values[0] == 0.691, "in quotes, as transformers 5 prints it"
    assert found["eval_loss"].steps == (1.0, 2.0)
    assert {"grad_norm", "learning_rate"} <= found.keys()


def test_lightning_prints_a_bar_and_writes_a_table(machine: MetricsMachine) -> None:
    folder = machine.work / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "lightning_csv.csv", folder / "metrics.csv")
    found = printed(machine, "lightning_csv.txt")
    loss = found["train_loss"]
    assert (loss.source, loss.steps) == ("csv", (9, 19, 29, 39, 49, 59))
    assert (loss.values[0], loss.last) == pytest.approx((6.445056438446045, 0.7189939022064209), rel=1e-6)
    assert found["val_loss"].steps == (29, 59)
    assert found.keys() == {"train_loss", "val_loss"}, "no version, and no setting that it mentions"


def test_tensorboard(machine: MetricsMachine) -> None:
    folder = machine.work / "runs" / "Nov30_12-00-00_host"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "tensorboard_writer.tfevents", folder / "events.out.tfevents.1790000000.host.1.0")
    found = machine.training()
    assert (found["train/loss"].source, found["train/loss"].steps) == ("tensorboard", (1, 2, 4))
    assert found["train/loss"].values == (1.0, 0.5, 0.25)
    assert found.keys() == {"train/loss", "lr"}, "histograms are none"


def test_keras(machine: MetricsMachine) -> None:
    found = printed(machine, "keras_fit.txt")
    assert (found["loss"].axis, found["loss"].steps) == ("epoch", (1, 2))
    assert found["loss"].values == (0.8297, 0.7074), "the last of each epoch"
    assert found["val_loss"].points == 2


def test_the_file_of_objects_comes_before_what_is_printed(machine: MetricsMachine) -> None:
    machine.objects.write_text('{"step": 1, "loss": 0.5}\n[1]\nnonsense\n{"step": 2, "loss": 0.25}\n')
    machine.prints("step=1 loss=0.4 acc=0.9\n")
    machine.prints("step=2 loss=0.2 acc=0.9\n")
    found = {each.name: each for each in machine.stored().training}
    assert (found["loss"].source, found["loss"].values) == ("file", (0.5, 0.25))
    assert found["acc"].source == "output"


def test_a_run_that_goes_on_elsewhere_repeats_its_steps(machine: MetricsMachine, tmp_path: Path) -> None:
    for step in range(1, 16):
        machine.prints(f"step={step} loss={1 / step} other={step}\n")
    later = MetricsMachine(tmp_path / "m2", machine.store)
    later.metrics.look()
    assert later.stored().training[0].points == 15, "nothing is lost before it prints"
    for step in range(11, 21):
        later.prints(f"step={step} loss={2 / step}\n")
    loss, other = later.stored().training
    assert loss.steps == tuple(range(1, 21))
    assert loss.values[9:11] == pytest.approx([1 / 10, 2 / 11], rel=1e-6)
    assert other.steps == tuple(range(1, 16)), "what is not repeated remains"


def test_epochs_with_steps_of_their_own_go_on_elsewhere(machine: MetricsMachine, tmp_path: Path) -> None:
    for epoch in (0, 1):
        machine.prints("".join(f"epoch={epoch} step={step} loss=1\n" for step in range(10)))
    later = MetricsMachine(tmp_path / "m2", machine.store)
    later.prints("".join(f"epoch=1 step={step} loss=2\n" for step in range(10)))
    later.prints("epoch=2 step=0 loss=3\n")
    (loss,) = later.stored().training
    assert list(loss.steps) == sorted(loss.steps)
    assert loss.values.count(2) == 10
    assert loss.last == 3


def test_no_secret_is_in_a_name_or_a_value(tmp_path: Path) -> None:
    store = MemoryStore()
    machine = MetricsMachine(tmp_path / "m1", store, "hunter22", "4815162342")
    machine.objects.write_text('{"hunter22/loss": 1, "pin": 4815162342}\n')
    content = record(event(1, scalar("hunter22", 1.0)))
    (machine.work / "events.out.tfevents.1").write_bytes(content)
    (machine.work / "metrics.csv").write_text("step,hunter22\n1,4815162342\n2,1\n")
    machine.prints("step=1 hunter22=4 pin=4815162342 loss_hunter22=1 loss=0.5\n")
    machine.prints("{'hunter22': 4, 'loss': 0.25}\n")
    assert machine.stored().training
    everything = store.objects[metrics_key("r1")] + json.dumps(machine.summary).encode()
    assert b"loss" in everything
    assert b"hunter22" not in everything
    assert b"4815162342" not in everything


def test_the_summary_names_the_loss_first(machine: MetricsMachine) -> None:
    for step in range(1, 101):
        machine.prints(f"step={step} speed=9 acc=0.5 loss={step} a=1 b=1 c=1 d=1 e=1 f=1\n")
    assert machine.summary is not None
    told = machine.summary["training"]
    assert [each["name"] for each in told][:2] == ["loss", "acc"]
    assert len(told) == 8
    assert (told[0]["step"], told[0]["value"]) == (100, 100)
    assert len(told[0]["recent"]) == 24
    assert told[0]["recent"][-1] == 100
