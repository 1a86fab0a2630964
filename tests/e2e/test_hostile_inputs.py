"""Job files that nobody wrote: only typed errors, nothing made, and bounds on time and memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.refused_jobs import JobReader, Reading

from runctl_auto.job_file.other_names import ADVICE, OTHER_NAMES
from runctl_auto.job_file.spec import JobSpec

pytestmark = pytest.mark.sandbox

MAX_CPU_SECONDS = 2.0
MAX_MB = 300
LARGEST = 64 * 1024
WHOLE = """\
name: digits
region: us-east-1
workdir: .
setup: pip install -r requirements.txt
run: python train.py --epochs 5
env: {SEED: "1"}
secrets: [HF_TOKEN]
resources: {instance_types: [g5.xlarge], cpu: 4..8, memory: 16GB.., gpu: A10G:1, disk: 50GB}
zones: [us-east-1a]
spot_policy: auto
max_price: 0.60
max_duration: 12h
retry: {on_events: [no-capacity, error], duration: 24h}
volumes:
  - {name: data, size: 100GB, mount: /data, protect: true}
data: [{source: "s3://bucket/prefix", path: data/}]
checkpoints: {path: checkpoints, every: 60s, keep: 3}
artifacts: {paths: [model/], keep: false}
tags: {team: nlp}
"""

_TOKENS = st.sampled_from(
    [
        *("[", "]", "{", "}", ": ", "- ", "? ", "&a ", "*a", "!!", "!!python/object:os.system ", "!a ", "| "),
        *(">-\n", "---\n", "...\n", "%YAML 1.1\n", "<<: ", "\t", "\r", "\x00", "\x1b[2J", "\ufeff", "\u2028"),
        *('"\\ud800"', '"\\U00110000"', "'", '"', "#", ",", "\n", "\n  ", "~", "yes", "010", "1_0", "1:30"),
        *("0x1F", ".nan", "-.inf", "1e400", "9" * 400, "../..", "/etc", "~root", "2001-99-99", "=", "😀"),
        *("=== ", "${HOME}", "$(id)", "`id`"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid job file in which some places were cut, doubled or filled with something else."""
    text = WHOLE
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        filling = draw(st.one_of(_TOKENS, st.just(""), st.just(text[start:end] * 2), st.text(max_size=6)))
        text = text[:start] + filling + text[end:]
    return text.encode(errors="surrogatepass")


@st.composite
def repeated(draw: st.DrawFn) -> bytes:
    """One thing over and over, up to the largest file that is read and beyond."""
    unit = draw(
        st.one_of(_TOKENS, st.sampled_from(["a: ", "a: 1\n", "[],", "{},", "? a\n", "- - ", "x\n", "é"]))
    )
    head = draw(st.sampled_from(["", "x: ", "run: ", "x: [", "env: {", "artifacts: {paths: ["]))
    size = draw(st.sampled_from([200, 2_000, 20_000, LARGEST - 100, LARGEST + 100]))
    return (head + unit * (size // len(unit.encode(errors="surrogatepass")))).encode(errors="surrogatepass")


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.dates(),
    st.binary(max_size=8),
    st.sampled_from(
        ["4..8", "..", "4+", "1GB", "A10G:1", "12h", "us-east-1", "us-east-1a", "../x", "/etc", "A=b", "spot"]
    ),
)
_INNER = sorted(set(ADVICE) | {"name", "path", "mount", "size", "id", "min", "gpu", "use_spot", "paths"})
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(_INNER), _SCALARS), inner, max_size=4),
    ),
    max_leaves=8,
)
_FIELDS = sorted(
    {*JobSpec.model_fields, *(name.written[0] for name in OTHER_NAMES), "type", "env", "resources"}
)
_STRUCTURES = st.builds(
    lambda base, more: {**base, **more},
    st.sampled_from([{}, {"name": "digits", "region": "us-east-1", "run": "x"}]),
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=6),
)
_AS_TEXT = st.sampled_from(
    [
        lambda value: yaml.safe_dump(value).encode(),
        lambda value: yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).encode(),
        lambda value: json.dumps(value, default=str, skipkeys=True).encode(),
    ]
)
BYTES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode(errors="surrogatepass")),
    st.lists(_TOKENS, max_size=40).map(lambda tokens: "".join(tokens).encode(errors="surrogatepass")),
    damaged(),
    damaged(),
)
STRUCTURES = st.builds(lambda write, value: write(value), _AS_TEXT, _STRUCTURES)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobReader]:
    with JobReader(tmp_path_factory.mktemp("fuzzed") / "project") as reader:
        yield reader


def check(reading: Reading) -> None:
    assert reading.made == ()
    assert reading.cpu_seconds <= MAX_CPU_SECONDS
    assert reading.peak_mb <= MAX_MB
    if reading.codes == (0,):
        return
    assert reading.codes == (7, 7), reading
    assert reading.error is not None
    assert reading.error["kind"] in ("job-file", "packaging")
    assert reading.error.get("problems", ["packaging"])
    assert reading.told == ""


def fuzz(
    reader: JobReader, inputs: st.SearchStrategy[bytes], count: int, tally: Callable[[Reading], None]
) -> None:
    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=inputs)
    def read(content: bytes) -> None:
        reading = reader.read(content)
        tally(reading)
        check(reading)

    read()


@pytest.mark.parametrize(("inputs", "count"), [(BYTES, 50), (STRUCTURES, 50)], ids=["bytes", "structures"])
def test_a_sample_of_inputs(reader: JobReader, inputs: st.SearchStrategy[bytes], count: int) -> None:
    fuzz(reader, inputs, count, lambda reading: None)


@pytest.mark.matrix
def test_five_thousand_inputs(reader: JobReader) -> None:
    found: list[Reading] = []
    for inputs, count in ((BYTES, 2_600), (STRUCTURES, 2_200), (repeated(), 200)):
        fuzz(reader, inputs, count, found.append)
    valid = sum(reading.codes == (0,) for reading in found)
    slowest, peak = max(reading.cpu_seconds for reading in found), found[-1].peak_mb
    print(
        f"\n{len(found)} job files: {valid} valid, {len(found) - valid} refused with a typed error, 0 made "
        f"anything; slowest {slowest:.2f} s CPU, most memory {peak} MB"
    )
    assert len(found) >= 5_000
    assert valid >= 20


def test_the_files_that_cost_most_stay_within_the_bounds(reader: JobReader) -> None:
    dear = (b"x: [" + b"1," * 32_000 + b"]", b"artifacts: {paths: [" + b"3," * 30_000 + b"]}")
    for content in dear:
        check(reader.read(content))


def test_the_checks_see_what_they_are_for(tmp_path: Path) -> None:
    fine = Reading((0,), None, "", 0.1, 50, ())
    check(fine)
    for broken in (
        Reading((0,), None, "", 2.1, 50, ()),
        Reading((0,), None, "", 0.1, 301, ()),
        Reading((0,), None, "", 0.1, 50, ("runs",)),
        Reading((1, 1), {"kind": "failure"}, "", 0.1, 50, ()),
        Reading((7, 1), {"kind": "job-file", "problems": [1]}, "", 0.1, 50, ()),
        Reading((7, 7), {"kind": "job-file", "problems": []}, "", 0.1, 50, ()),
    ):
        with pytest.raises(AssertionError):
            check(broken)
