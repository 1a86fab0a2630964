"""Files as people write them: numbers in ``env``, anchors and merge keys, memory of GPUs, ``off``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.resources import Gpu, SizeRange
from runctl_auto.job_file.spec import JobSpec

JobFile = Callable[..., Path]
SMALL = "name: digits\nregion: us-east-1\nrun: python train.py\n"


def loaded(job_file: JobFile, more: str) -> JobSpec:
    return load_job_file(job_file(SMALL + more)).spec


class TestVariables:
    @pytest.mark.parametrize(
        "written",
        [
            "1",
            "-7",
            "0.10",
            "1e-4",
            "3.0",
            "010",
            "0x1F",
            "1_000",
            "12:30",
            "true",
            "True",
            "yes",
            "NO",
            "off",
        ],
    )
    def test_a_number_or_truth_value_is_the_text_that_stands_there(
        self, job_file: JobFile, written: str
    ) -> None:
        assert loaded(job_file, f"env: {{A: {written}}}\n").env == {"A": written}

    def test_texts_stay_what_they_are(self, job_file: JobFile) -> None:
        assert loaded(job_file, 'env: {A: "1", B: \'true\', C: "", D: 2026-01-31}\n').env == {
            "A": "1",
            "B": "true",
            "C": "",
            "D": "2026-01-31",
        }

    def test_under_the_other_name_and_through_an_alias(self, job_file: JobFile) -> None:
        more = "envs:\n  A: &seed 0.50\n  B: *seed\n"
        assert loaded(job_file, more).env == {"A": "0.50", "B": "0.50"}

    def test_a_block_of_lines(self, job_file: JobFile) -> None:
        assert loaded(job_file, "env:\n  A: |\n    1\n    2\n").env == {"A": "1\n2\n"}

    def test_a_variable_without_a_value_is_refused(self, job_file: JobFile) -> None:
        with pytest.raises(JobFileError, match=r"env\.A: is of the wrong type"):
            loaded(job_file, "env:\n  A:\n")


class TestAnchors:
    def test_an_alias_stands_for_the_value(self, job_file: JobFile) -> None:
        spec = loaded(job_file, "setup: &x echo\nworkdir: .\ntags: {a: *x, b: *x}\n")
        assert spec.tags == {"a": "echo", "b": "echo"}

    def test_own_keys_win_over_merged_ones(self, job_file: JobFile) -> None:
        spec = loaded(
            job_file,
            "volumes:\n"
            "  - &disk {name: data, size: 100GB, mount: /data, protect: true}\n"
            "  - {<<: *disk, name: more, mount: /more}\n",
        )
        first, second = spec.volumes
        assert (first.name, first.size, first.protect) == ("data", 100, True)
        assert (second.name, second.mount, second.size, second.protect) == ("more", "/more", 100, True)

    def test_of_several_merged_mappings_the_first_wins(self, job_file: JobFile) -> None:
        spec = loaded(
            job_file,
            "env: &e {A: 1, B: 1}\ntags: {<<: [{A: '2', C: '2'}, *tags_of], B: '3'}\n".replace(
                "*tags_of", "{A: '4', D: '4'}"
            ),
        )
        assert spec.tags == {"A": "2", "C": "2", "D": "4", "B": "3"}

    def test_merges_nest(self, job_file: JobFile) -> None:
        spec = loaded(
            job_file,
            "tags:\n  <<: {<<: {a: inner, b: inner}, b: outer}\n  c: own\n",
        )
        assert spec.tags == {"a": "inner", "b": "outer", "c": "own"}

    def test_a_key_in_quotes_is_no_merge(self, job_file: JobFile) -> None:
        with pytest.raises(JobFileError, match="is not a tag key"):
            loaded(job_file, "tags: {'<<': x}\n")

    def test_a_wrong_merged_value_is_told_where_it_is_written(self, job_file: JobFile) -> None:
        with pytest.raises(JobFileError) as raised:
            loaded(
                job_file,
                "volumes:\n  - &disk {name: data, size: 100GB, mount: /etc/x}\n  - {<<: *disk, name: more}\n",
            )
        assert {(each.line, each.field) for each in raised.value.problems} == {
            (5, "volumes[0].mount"),
            (5, "volumes[1].mount"),
        }

    def test_a_key_that_is_written_twice_is_told_also_beside_a_merge(self, job_file: JobFile) -> None:
        with pytest.raises(JobFileError, match="stands here again"):
            loaded(job_file, "tags: {<<: {a: x}, b: y, b: z}\n")

    def test_aliases_count_as_what_they_stand_for(self, job_file: JobFile) -> None:
        many = "[" + ", ".join(["x"] * 1000) + "]"
        with pytest.raises(JobFileError, match="holds too many values"):
            loaded(job_file, f"a: &a {many}\nb: [*a, *a, *a]\n")


class TestGpus:
    @pytest.mark.parametrize(
        ("written", "names", "count", "memory"),
        [
            ("A10G", ("A10G",), 1, None),
            ("A10G:4", ("A10G",), 4, None),
            ("2", (), 2, None),
            ("24GB", (), 1, (24, 24)),
            ("24GB..", (), 1, (24, None)),
            ("..24GB", (), 1, (None, 24)),
            ("16GB..24GB:2", (), 2, (16, 24)),
            ("2:80GB", (), 2, (80, 80)),
            ("A100:80GB:8", ("A100",), 8, (80, 80)),
            ("A100:8:80GB", ("A100",), 8, (80, 80)),
            ("A10G,L4:24GB", ("A10G", "L4"), 1, (24, 24)),
            ("nvidia:A100", ("A100",), 1, None),
            ("nvidia:24GB..", (), 1, (24, None)),
            ("{memory: 24GB.., count: 2}", (), 2, (24, None)),
            ("{name: [A10G, L4], memory: {min: 16}}", ("A10G", "L4"), 1, (16, None)),
        ],
    )
    def test_forms(
        self,
        job_file: JobFile,
        written: str,
        names: tuple[str, ...],
        count: int,
        memory: tuple[int | None, int | None] | None,
    ) -> None:
        text = written if written.startswith("{") else f'"{written}"'
        gpu = loaded(job_file, f"resources: {{gpu: {text}}}\n").resources.gpu
        assert gpu is not None
        expected = SizeRange(min=memory[0], max=memory[1]) if memory else None
        assert (gpu.name, gpu.count, gpu.memory) == (names, count, expected)
        assert Gpu.model_validate(str(gpu)) == gpu
        assert Gpu.model_validate(gpu.model_dump(mode="json")) == gpu

    @pytest.mark.parametrize(
        "written",
        ["A10G:x", "24GB:48GB", "2:3", "A10G:L4", ":", "A10G:", "..", "24", "x" * 300, " " * 60_000],
    )
    def test_what_is_none(self, job_file: JobFile, written: str) -> None:
        if written == "24":
            written = "24GB..16GB"
        with pytest.raises(JobFileError, match=r"resources\.gpu"):
            loaded(job_file, f'resources: {{gpu: "{written}"}}\n')

    def test_what_stacks_of_before_hold_is_read(self) -> None:
        assert Gpu.model_validate({"name": "A10G", "count": 2}).name == ("A10G",)
        assert Gpu.model_validate({"name": None, "count": 2}).name == ()


class TestLimits:
    @pytest.mark.parametrize("written", ["off", "'off'", "Off", "false", "no", "null", ""])
    def test_off_is_no_limit(self, job_file: JobFile, written: str) -> None:
        spec = loaded(job_file, f"max_duration: {written}\nidle_duration: {written}\n")
        assert (spec.max_duration, spec.idle_duration) == (None, None)

    def test_off_wins_over_what_settings_fill_in(self, job_file: JobFile) -> None:
        path = job_file(SMALL + "max_duration: off\n")
        assert load_job_file(path, defaults={"max_duration": "1h"}).spec.max_duration is None

    @pytest.mark.parametrize("written", ["on", "true", "never", "0"])
    def test_nothing_else_is(self, job_file: JobFile, written: str) -> None:
        with pytest.raises(JobFileError, match="max_duration"):
            loaded(job_file, f"max_duration: {written}\n")

    def test_no_other_duration_can_be_off(self, job_file: JobFile) -> None:
        with pytest.raises(JobFileError, match=r"checkpoints\.every"):
            loaded(job_file, "checkpoints: {every: off}\n")
