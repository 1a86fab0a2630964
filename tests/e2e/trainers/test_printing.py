"""What real trainers print and write is read, without a word of theirs changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore
from support.metrics_machine import MetricsMachine
from support.trainer_outputs import names, ran
from support.trainer_packages import trainer_packages

pytestmark = pytest.mark.matrix

READ: dict[str, tuple[str, str, str, tuple[float, ...]]] = {
    "keras_fit": ("loss", "output", "epoch", (1, 2)),
    "lightning_csv": ("train_loss", "csv", "step", (9, 19, 29, 39, 49, 59)),
    "scikit_learn_mlp": ("loss", "output", "step", ()),
    "scikit_learn_sgd": ("Avg. loss", "output", "epoch", (1, 2, 3, 4, 5)),
    "tensorboard_writer": ("train/loss", "tensorboard", "step", (1, 2, 4)),
    "torch_tqdm": ("loss", "output", "step", ()),
    "transformers_trainer": ("loss", "output", "epoch", ()),
}
"""The loss of each: its name, its source, what counts its values, and the counts where they are fixed."""


@pytest.fixture(scope="module")
def packages() -> Path:
    return trainer_packages()


def test_all_programs_are_tried() -> None:
    assert sorted(READ) == names()


@pytest.mark.parametrize("name", sorted(READ))
def test_the_loss_is_read(packages: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    output = ran(name, packages, place)
    machine = MetricsMachine(tmp_path / "machine", MemoryStore())
    if output.folder.exists():
        shutil.copytree(output.folder, machine.work, dirs_exist_ok=True)
    machine.prints(output.text)
    found = machine.training()
    loss, source, axis, steps = READ[name]
    print(f"{name}: {', '.join(f'{each.name} ({each.points})' for each in found.values())}")
    assert (found[loss].source, found[loss].axis) == (source, axis)
    assert list(found[loss].steps) == sorted(set(found[loss].steps))
    assert found[loss].points >= 3 or name in ("keras_fit",)
    if steps:
        assert found[loss].steps == steps
