"""The configuration of a volume or snapshot is read back as it was written, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from support.storage_stacks import snapshot_config, volume_config

from runctl_auto.errors import ProgramError
from runctl_auto.stack.prices import PriceSource, Rates
from runctl_auto.stack.storage_config import storage_config


@pytest.mark.parametrize(
    "config",
    [
        volume_config(),
        volume_config(snapshot="snap-1", initialization_rate=200, iops=4000, throughput=250, protect=True),
        volume_config(rates=Rates(volume_gb_month=0.08, source=PriceSource(name="book", date="2026-01-19"))),
        snapshot_config(tags={"team": "nlp"}),
        snapshot_config(volume=None, source="snap-1", source_region="eu-west-1"),
    ],
)
def test_what_is_written_is_read(config: Any) -> None:
    assert storage_config(config.to_values()) == config


def test_a_job_has_none() -> None:
    assert storage_config({"runctl:job": "{}"}) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "data"}', '{"unknown": 1}'])
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ProgramError, match="runctl:volume"):
        storage_config({"runctl:volume": text})
