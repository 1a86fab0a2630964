"""What trainers print, and what is read of it."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runctl_auto.agent.metrics.lines import MOST_LINE, OutputReader
from runctl_auto.agent.metrics.record import MOST_NAME, MOST_VALUES, Record


def read(line: str) -> Record | None:
    return OutputReader().record(line)


@pytest.mark.parametrize(
    ("line", "counter", "epoch", "values"),
    [
        ('{"step": 10, "loss": 0.5, "val": {"acc": 1}}', 10, None, {"loss": 0.5, "val/acc": 1}),
        ('{"loss": NaN, "epoch": 2, "ok": true, "name": "a"}', None, 2, {"loss": math.nan}),
        ('{"name": "loss", "value": 0.5, "step": 3}', 3, None, {"loss": 0.5}),
        (
            "{'loss': 2.3, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 0.2}",
            None,
            0.2,
            {"loss": 2.3, "grad_norm": 1.2, "learning_rate": 5e-05},
        ),
        (
            "{'loss': '2.3', 'grad_norm': 'nan', 'epoch': '0.2'}",
            None,
            0.2,
            {"loss": 2.3, "grad_norm": math.nan},
        ),
        (
            "Epoch 3:  45%|████▌     | 45/100 [00:10<00:12,  4.50it/s, loss=0.12, acc=0.9]",
            45,
            3,
            {"loss": 0.12, "acc": 0.9},
        ),
        (
            "Epoch 0: 100%|██████████| 10/10 [00:00<00:00, 100.00it/s, v_num=0, train_loss=0.5]",
            10,
            0,
            {"train_loss": 0.5},
        ),
        ("epoch=3 step=10 loss=0.5 acc=93.5%", 10, 3, {"loss": 0.5, "acc": 93.5}),
        ("epoch 1: train_loss=0.51, val_loss=0.42.", None, 1, {"train_loss": 0.51, "val_loss": 0.42}),
        ("loss=nan lr=-inf", None, None, {"loss": math.nan, "lr": -math.inf}),
        ("32/32 - 1s - loss: 0.5 - val_loss: 0.4", None, None, {"loss": 0.5, "val_loss": 0.4}),
        ("Epoch [3/10], Step [100/600], Loss: 0.25", 100, 3, {"Loss": 0.25}),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.212", 640, 1, {"Loss": 1.212}),
        ("Test set: Average loss: 0.05, Accuracy: 9830/10000 (98%)", None, None, {"Average loss": 0.05}),
        ("[10]\tvalidation_0-logloss:0.55", 10, None, {"validation_0-logloss": 0.55}),
        ("[1]\tvalid_0's l2: 0.24", 1, None, {"valid_0's l2": 0.24}),
        ("iter 100: loss 3.21, time 12.00ms, mfu 3.1%", 100, None, {"loss": 3.21, "mfu": 3.1}),
        ("step 250: train loss 1.9, val loss 2.0", 250, None, {"train loss": 1.9, "val loss": 2.0}),
        ("step 100 | loss 3.21 | lr 1e-4", 100, None, {"loss": 3.21, "lr": 1e-4}),
        ("| epoch 001 | loss 8.1 | ppl 275.2", None, 1, {"loss": 8.1, "ppl": 275.2}),
        ("Iteration 1, loss = 0.69314718", 1, None, {"loss": 0.69314718}),
        ("INFO:root:epoch 3 loss: 0.25, time: 12:30:01", None, 3, {"loss": 0.25}),
        ("\x1b[32mstep=1\x1b[0m loss=\x1b[1m0.5\x1b[0m", 1, None, {"loss": 0.5}),
    ],
)
def test_what_a_line_says(
    line: str, counter: float | None, epoch: float | None, values: dict[str, float]
) -> None:
    found = read(line)
    assert found is not None
    assert (found.counter, found.epoch) == (counter, epoch)
    assert found.values.keys() == values.keys()
    for name, value in values.items():
        assert found.values[name] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "step 13",
        "Epoch 1/10",
        "-- Epoch 7",
        "Convergence after 10 epochs took 0.01 seconds",
        "Downloading torch-2.15 (539.0 MB)",
        "2026-11-30 12:00:00,123 INFO port: 8080 rank: 3",
        "listening on http://localhost:6006/",
        " 10%|█         | 50/500 [00:10<01:30,  4.98it/s]",
        "version=1.2.3 address=10.0.0.1:80 time=12:30",
        "[runctl] checkpoint=3 loss=0.5",
        '{"broken": 1',
        "{'loss': 0.5",
        "[" * 2000,
        "loss=0.5" + " " * MOST_LINE,
    ],
)
def test_what_says_no_metric(line: str) -> None:
    assert read(line) is None


def test_a_line_with_nothing_but_a_position_counts_for_those_that_follow() -> None:
    reader = OutputReader()
    found = list(reader.records("-- Epoch 7\nAvg. loss: 0.5\n-- Epoch 8\nAvg. loss: 0.25\nstep 3\rloss=1\n"))
    assert [(each.epoch, each.counter) for each in found] == [(7, None), (8, None), (8, 3)]


NUMBERS = st.floats(allow_nan=False, width=32)
PIECES = st.sampled_from(
    (*"[]=: |'\"{}\ré", "epoch", "step ", "%|", "1/2", "9" * 40, "1e999", "nan", "loss", "{'", "\x1b[")
)


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join)))
@example("loss=" + "9" * 5000)
@example("epoch " + "9" * 4000)
@example("a " * 1900 + "=1")
@example("a." * 1900 + "=1")
@example(("=" * 30 + " 1 ") * 100)
def test_whatever_is_printed_is_read_without_an_error(text: str) -> None:
    for found in OutputReader().records(text):
        assert 0 < len(found.values) <= MOST_VALUES * 2
        for name, value in found.values.items():
            assert 0 < len(name) <= MOST_NAME
            assert name.isprintable()
            assert isinstance(value, float)


@given(st.text(string.ascii_letters + "_", min_size=1, max_size=20), NUMBERS, st.integers(0, 10**9))
def test_every_assignment_is_read(name: str, value: float, step: int) -> None:
    found = read(f"step={step} metric_{name}={value!r}")
    assert found is not None
    assert found.counter == step
    assert found.values == {f"metric_{name}": value}
