"""Reads metrics from what a training prints, in the forms in which common trainers print them.

    {"step": 10, "loss": 0.5}                                        JSON lines
    {'loss': 0.5, 'learning_rate': 5e-05, 'epoch': 0.2}              transformers' Trainer
    Epoch 3:  45%|####  | 45/100 [00:10<00:12, 4.5it/s, loss=0.5]    tqdm, Lightning
    epoch=3 step=10 loss=0.5                                         key=value
    Epoch 1/10 ... 32/32 - 1s - loss: 0.5 - val_loss: 0.4            Keras
    Epoch [3/10], Step [100/600], Loss: 0.25
    Train Epoch: 1 [640/60000 (1%)]  Loss: 1.2
    [10]  validation_0-logloss:0.55                                  XGBoost
    iter 100: loss 3.21, time 12.00ms
    Iteration 1, loss = 0.69; Norm: 1.23, NNZs: 8, Avg. loss: 0.53   scikit-learn

No line makes it fail. A line of more than ``MOST_LINE`` characters is not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from runctl_auto.agent.metrics.record import (
    EPOCH_NAMES,
    MOST_VALUES,
    STEP_NAMES,
    Record,
    clean_name,
    count_of,
    record_of,
)

MOST_LINE = 4000

_NUMBER = r"[-+]?(?:\d{1,20}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?|[-+]?(?:nan|inf(?:inity)?)"
_END = r"%?(?![\w.:/%])(?<!\.)|%?\.(?=\s|$)"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_QUOTED = re.compile(rf"['\"]([^'\"]{{1,100}})['\"]\s?:\s?['\"]?({_NUMBER})['\"]?\s?(?=[,}}])", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"(?<![\w.`])([A-Za-z_][\w./@-]{{0,99}})\s?=\s?[\[(]?({_NUMBER})(?:{_END})", re.IGNORECASE
)
_BAR = re.compile(
    r"^(?P<title>[^|%]{0,200}?):?\s*\d{1,3}%\|[^|]{0,400}\|\s*(?P<done>\d{1,12})/(?P<total>\d{1,12})\s*"
    r"\[(?P<rest>[^\]]{0,2000})"
)
_PART = re.compile(r"[,|;\t]| - |  +")
_WORDS = r"[A-Za-z_][\w./@'-]{0,60}(?: [A-Za-z_][\w./@'-]{0,30}){0,2}"
_NAMED = re.compile(rf"^\s*({_WORDS})\s?[:=]\s?({_NUMBER})(?:{_END})", re.IGNORECASE)
_KNOWN = (
    r"loss|acc|accuracy|top1|top5|ppl|perplexity|bpb|lr|learning_rate|learning rate|f1|auc|error|err|mfu|mae|"
    r"mse|rmse|r2|reward|return|map|iou|dice|bleu|rouge|wer|cer|score|logloss|grad_norm|grad norm|norm"
)
_BARE = re.compile(
    r"(?<![\w./-])((?:(?:train|training|val|valid|validation|test|eval|average|avg|mean)[ _])?"
    rf"(?:{_KNOWN}))(?:\s?[:=]\s?|\s+)({_NUMBER})(?:{_END})",
    re.IGNORECASE,
)
_METRIC = re.compile(rf"(?:^|[\W_])(?:{_KNOWN})(?:$|[\W_\d])", re.IGNORECASE)
_EPOCH = re.compile(r"\bepochs?\b[\s:=#]{0,4}[\[(]?\s*(\d{1,9}(?:\.\d{1,9})?)", re.IGNORECASE)
_STEP = re.compile(
    r"\b(global[_ ]step|step|iteration|iter|batch|update|round)s?\b[\s:=#]{0,4}[\[(]?\s*(\d{1,15})"
    r"(?:\s?/\s?(\d{1,15}))?",
    re.IGNORECASE,
)
_A_VALUE = re.compile(r"\d|nan|inf", re.IGNORECASE)
_ROUND = re.compile(r"^\[(\d{1,12})\]\s")
_OF = re.compile(r"[\[(](\d{1,15})/(\d{1,15})\b")
_NO_METRICS = frozenset(
    {
        "v_num",
        "tol",
        "pid",
        "ppid",
        "port",
        "rank",
        "local_rank",
        "world_size",
        "seed",
        "eta",
        "num_workers",
        "line",
    }
)
_POSITIONS = frozenset({"", *STEP_NAMES, *EPOCH_NAMES})
_OWN = "[runctl] "


class OutputReader:
    """Reads line after line. A line that only says how far the training is counts for those that follow."""

    def __init__(self) -> None:
        self._epoch: float | None = None
        self._counter: float | None = None

    def records(self, text: str) -> Iterator[Record]:
        """The records in whole lines; a carriage return ends one, too."""
        for line in re.split(r"[\r\n]+", text):
            found = self.record(line)
            if found is not None:
                yield found

    def record(self, line: str) -> Record | None:
        """The record in a line; None when there is none."""
        if len(line) > MOST_LINE or line.startswith(_OWN) or not _A_VALUE.search(line):
            return None
        line = _ESCAPES.sub("", line).strip()
        for read in (_json_record, _dict_record, _bar_record):
            found = read(line)
            if found is not None:
                return found
        return self._text_record(line)

    def _text_record(self, line: str) -> Record | None:
        epoch, counter, total, clock = _position(line)
        values = dict(_values(line, has_position=epoch is not None or counter is not None))
        if not values:
            if epoch is not None and epoch != self._epoch:
                self._counter = None
            self._epoch = self._epoch if epoch is None else epoch
            self._counter = self._counter if counter is None else counter
            return None
        if epoch is None and counter is None:
            epoch, counter = self._epoch, self._counter
        return Record(values, counter=counter, total=total, epoch=epoch, clock=clock)


def _json_record(line: str) -> Record | None:
    if not (line.startswith("{") and line.endswith("}") and '"' in line):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record_of(found) if isinstance(found, dict) else None


def _dict_record(line: str) -> Record | None:
    """A dictionary as Python prints it, also behind a bar or a time."""
    start = line.find("{'")
    if start < 0 or not line.endswith("}"):
        return None
    members = {found[1]: float(found[2]) for found in _first_of(_QUOTED.finditer(line, start))}
    return record_of(members)


def _bar_record(line: str) -> Record | None:
    found = _BAR.match(line)
    if found is None:
        return None
    values = dict(_assigned(found["rest"]))
    if not values:
        return None
    title = found["title"]
    epoch = _EPOCH.search(title)
    return Record(
        values,
        counter=float(found["done"]),
        total=float(found["total"]),
        epoch=count_of(float(epoch[1])) if epoch else None,
        clock="bar " + re.sub(r"[\W\d]+", " ", title).strip().lower()[:40],
    )


def _position(line: str) -> tuple[float | None, float | None, float | None, str]:
    """Epoch, counter, total and clock, as far as a line of text tells them."""
    epoch, step, number = _EPOCH.search(line), _STEP.search(line), _ROUND.match(line)
    told = float(epoch[1]) if epoch else None
    if step is not None:
        return told, float(step[2]), float(step[3]) if step[3] else None, step[1].lower().replace(" ", "_")
    if number is not None:
        return told, float(number[1]), None, "round"
    within = _OF.search(line, epoch.end()) if epoch else None
    if within is not None:
        return told, float(within[1]), float(within[2]), "of"
    return told, None, None, "step"


def _values(line: str, *, has_position: bool) -> Iterator[tuple[str, float]]:
    yield from _assigned(line)
    parts = [_behind_position(part) for part in _PART.split(line)[:MOST_VALUES]]
    named = [found for part in parts if (found := _NAMED.match(part) or _BARE.search(part))]
    if not (has_position or any(_METRIC.search(found[1]) for found in named)):
        return
    for found in named:
        name = clean_name(found[1])
        if _is_metric(name):
            yield name, float(found[2])


def _behind_position(part: str) -> str:
    """A part of a line without the place that it begins with: ``[10]``, ``iter 10:``."""
    return re.sub(r"^\s*(?:\[[\d/ ()%]{1,40}\]|[A-Za-z]+ \d{1,15}:)", "", part)


def _assigned(text: str) -> Iterator[tuple[str, float]]:
    for found in _first_of(_ASSIGNED.finditer(text)):
        name = clean_name(found[1])
        if _is_metric(name):
            yield name, float(found[2])


def _is_metric(name: str) -> bool:
    lower = name.lower()
    return lower not in _NO_METRICS and lower.rsplit(" ", 1)[-1] not in _POSITIONS


def _first_of(found: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    return islice(found, MOST_VALUES)
