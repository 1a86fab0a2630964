"""The fault injection service, which moto lacks: experiments that interrupt spot instances.

One action (`aws:ec2:send-spot-instance-interruptions`) on instances named by ARN, made with the experiment's
role. What AWS accepts and this cloud does not support is refused.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.operations import AwsCall
from sandbox.aws.cloud.role_access import permits, trusts

SERVICE = "fis"
ACTION = "aws:ec2:send-spot-instance-interruptions"
TARGET = "aws:ec2:spot-instance"
PERMISSION = "ec2:SendSpotInstanceInterruptions"
CALLER = "fis.amazonaws.com"
_DURATION = re.compile(r"PT(?:(\d+)M)?(?:(\d+)S)?")
_SHORTEST, _LONGEST = 120, 900
_INSTANCE = re.compile(r"arn:[a-z-]+:ec2:[a-z0-9-]+:\d{12}:instance/(i-[0-9a-f]+)")


class Machines(Protocol):
    """What the service needs of the cloud. Called with the cloud's lock held."""

    def is_spot(self, instance: str) -> bool | None:
        """None when there is no such running instance."""

    def interrupt(self, instance: str, notice_seconds: float) -> None: ...

    def has_ended(self, instance: str) -> bool: ...

    def role(self, arn: str) -> tuple[Any, Sequence[Any]] | None:
        """The trust policy of a role and its permissions."""


class Refused(Exception):
    """A request that the service does not accept."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.error = AwsError(code, message, status)


@dataclass(frozen=True)
class _Template:
    id: str
    role: str
    instances: tuple[str, ...]
    arns: tuple[str, ...]
    seconds: int
    tags: Mapping[str, str]


@dataclass
class _Experiment:
    id: str
    template: _Template
    end: float
    failure: str | None = None
    stopped: bool = False


@dataclass
class FaultInjection:
    """Templates and experiments of the cloud. `clock` returns seconds since 1970."""

    machines: Machines
    clock: Callable[[], float]
    _templates: dict[str, _Template] = field(default_factory=dict)
    _experiments: dict[str, _Experiment] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, call: AwsCall, body: bytes) -> dict[str, Any] | AwsError:
        """The response to a call of the service."""
        calls: Mapping[str, Callable[[], dict[str, Any]]] = {
            "CreateExperimentTemplate": lambda: self._create(_content(body)),
            "DeleteExperimentTemplate": lambda: self._delete(call.parameters["Id"]),
            "ListExperimentTemplates": lambda: {
                "experimentTemplates": [_told_template(each) for each in self._templates.values()]
            },
            "StartExperiment": lambda: self._start(_content(body)),
            "GetExperiment": lambda: {"experiment": self._told(self._experiment(call.parameters["Id"]))},
            "StopExperiment": lambda: self._stop(call.parameters["Id"]),
        }
        known = calls.get(call.operation)
        if known is None:
            names = ", ".join(sorted(calls))
            return AwsError("InvalidAction", f"The sandbox's fault injection cannot do this; it has {names}")
        try:
            return known()
        except Refused as refused:
            return refused.error
        except (KeyError, TypeError, AttributeError) as error:
            return AwsError("ValidationException", f"The request cannot be understood: {error!r}")

    def templates(self) -> list[tuple[str, Mapping[str, str]]]:
        """Id and tags of all templates."""
        return [(each.id, each.tags) for each in self._templates.values()]

    def _create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        actions, targets = list(asked["actions"].values()), asked["targets"]
        _require([each["actionId"] for each in actions] == [ACTION], f"this cloud knows the action {ACTION}")
        _require([each["source"] for each in asked["stopConditions"]] == ["none"], "this cloud has no alarms")
        (action,) = actions
        named = targets.get(action["targets"]["SpotInstances"])
        _require(named is not None, "the action names a target of the template")
        _require(named["resourceType"] == TARGET, f"the target of this action is {TARGET}")
        _require(named["selectionMode"] == "ALL", "this cloud selects ALL")
        arns = tuple(named.get("resourceArns") or ())
        found = [_INSTANCE.fullmatch(each) for each in arns]
        _require(bool(found) and all(found), "the target names instances by resourceArns")
        template = _Template(
            id=f"EXT{next(self._numbers):012d}",
            role=asked["roleArn"],
            instances=tuple(each[1] for each in found if each is not None),
            arns=arns,
            seconds=_seconds(action["parameters"]["durationBeforeInterruption"]),
            tags=dict(asked.get("tags") or {}),
        )
        self._templates[template.id] = template
        return {"experimentTemplate": _told_template(template)}

    def _delete(self, identity: str) -> dict[str, Any]:
        return {"experimentTemplate": _told_template(self._templates.pop(self._template(identity).id))}

    def _start(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        template = self._template(asked["experimentTemplateId"])
        experiment = _Experiment(f"EXP{next(self._numbers):012d}", template, self.clock() + template.seconds)
        experiment.failure = self._obstacle(template)
        if experiment.failure is None:
            for each in template.instances:
                self.machines.interrupt(each, template.seconds)
        self._experiments[experiment.id] = experiment
        return {"experiment": self._told(experiment)}

    def _stop(self, identity: str) -> dict[str, Any]:
        experiment = self._experiment(identity)
        if self._state(experiment) != "running":
            raise Refused("ConflictException", f"Experiment {identity} is not running.", 409)
        experiment.stopped = True
        return {"experiment": self._told(experiment)}

    def _obstacle(self, template: _Template) -> str | None:
        """Why the action cannot be carried out."""
        role = self.machines.role(template.role)
        if role is None or not trusts(role[0], CALLER, {}):
            return f"Unable to assume role {template.role}."
        for arn, instance in zip(template.arns, template.instances, strict=True):
            if not permits(role[1], PERMISSION, arn):
                return f"{template.role} is not authorized to perform: {PERMISSION} on resource: {arn}"
            if not self.machines.is_spot(instance):
                return f"Target resolution returned empty set: {arn}"
        return None

    def _state(self, experiment: _Experiment) -> str:
        if experiment.failure is not None:
            return "failed"
        if experiment.stopped:
            return "stopped"
        ended = all(self.machines.has_ended(each) for each in experiment.template.instances)
        return "completed" if ended or self.clock() >= experiment.end else "running"

    def _told(self, experiment: _Experiment) -> dict[str, Any]:
        state = {"status": self._state(experiment), "reason": experiment.failure or ""}
        return {
            "id": experiment.id,
            "experimentTemplateId": experiment.template.id,
            "roleArn": experiment.template.role,
            "state": state,
        }

    def _template(self, identity: str) -> _Template:
        if identity not in self._templates:
            raise Refused("ResourceNotFoundException", f"Experiment template {identity} not found.", 404)
        return self._templates[identity]

    def _experiment(self, identity: str) -> _Experiment:
        if identity not in self._experiments:
            raise Refused("ResourceNotFoundException", f"Experiment {identity} not found.", 404)
        return self._experiments[identity]


def _told_template(template: _Template) -> dict[str, Any]:
    return {"id": template.id, "roleArn": template.role, "tags": dict(template.tags)}


def _seconds(duration: str) -> int:
    matched = _DURATION.fullmatch(duration)
    seconds = 60 * int(matched[1] or 0) + int(matched[2] or 0) if matched else -1
    _require(_SHORTEST <= seconds <= _LONGEST, "durationBeforeInterruption is from PT2M to PT15M")
    return seconds


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused("ValidationException", otherwise)


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise Refused("ValidationException", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise Refused("ValidationException", "the body is not a JSON object")
    return content
