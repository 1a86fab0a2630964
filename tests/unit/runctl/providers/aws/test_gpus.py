"""GPUs as DescribeInstanceTypes tells them: whole ones, shares, and counts of 0."""

from __future__ import annotations

from typing import Any

import pytest

from runctl_auto.providers.aws.gpus import missing_driver, read_gpus


def described(name: str, maker: str = "NVIDIA", **device: Any) -> dict[str, Any]:
    return {"GpuInfo": {"Gpus": [{"Name": name, "Manufacturer": maker, **device}]}}


A10G_4 = described("A10G", Count=4, LogicalGpuCount=4, GpuPartitionSize=1.0)
H100_TOLD_AS_0 = described("H100", Count=0)
L4_EIGHTH = described("L4", Count=0, LogicalGpuCount=1, GpuPartitionSize=0.125)
L4_HALF = described("L4", Count=0, LogicalGpuCount=1, GpuPartitionSize=0.5)
HABANA = described("Gaudi HL-205", "Habana", Count=8, LogicalGpuCount=8, GpuPartitionSize=1.0)


@pytest.mark.parametrize(
    ("answer", "count", "are_whole", "text"),
    [
        ({}, 0, True, "GPU:0"),
        ({"GpuInfo": {"Gpus": []}}, 0, True, "GPU:0"),
        (A10G_4, 4, True, "A10G:4"),
        (H100_TOLD_AS_0, 1, True, "H100:1"),
        (L4_EIGHTH, 1, False, "L4:1/8"),
        (L4_HALF, 1, False, "L4:1/2"),
        (HABANA, 8, True, "Gaudi HL-205:8"),
    ],
    ids=["none", "empty", "whole", "told as 0", "an eighth", "a half", "not NVIDIA"],
)
def test_how_many_there_are(answer: Any, count: int, are_whole: bool, text: str) -> None:
    gpus = read_gpus(answer)
    assert (gpus.count, gpus.are_whole, str(gpus)) == (count, are_whole, text)
    assert gpus.are_nvidia is (count > 0 and answer is not HABANA)


@pytest.mark.parametrize(
    ("answer", "driver"),
    [
        ({}, None),
        (A10G_4, None),
        (HABANA, None),
        (described("T4"), None),
        (described("T4g"), None),
        (described("a model of tomorrow"), None),
        (described("V100", Count=8), "proprietary"),
        (described("Tesla V100"), "proprietary"),
        (described("K80"), "proprietary"),
        (described("M60"), "proprietary"),
        (described("GRID K520"), "proprietary"),
        (L4_EIGHTH, "GRID"),
    ],
    ids=str,
)
def test_which_driver_the_open_one_is_no_substitute_for(answer: Any, driver: str | None) -> None:
    missing = missing_driver(read_gpus(answer))
    assert missing == (None if driver is None else f"NVIDIA's {driver} driver")
