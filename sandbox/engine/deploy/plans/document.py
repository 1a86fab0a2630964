"""Plans as JSON, in Pulumi's format."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sandbox.engine.deploy.goal import Alias
from sandbox.engine.deploy.plans.plan import Plan, PlannedGoal, PropertyChanges, ResourcePlan
from sandbox.engine.model import CustomTimeouts, Manifest, Op
from sandbox.engine.properties import Decrypt, Encrypt, PropertyError, from_json, to_json

_ALIAS = {
    "URN": "urn",
    "Name": "name",
    "Type": "type",
    "Project": "project",
    "Stack": "stack",
    "Parent": "parent",
}


class PlanFormatError(ValueError):
    """A plan cannot be read; the message says why."""


def encode_plan(plan: Plan, encrypt: Encrypt) -> dict[str, Any]:
    """The document of a plan; secrets are encrypted."""
    manifest = plan.manifest
    document: dict[str, Any] = {
        "manifest": {"time": manifest.time, "magic": manifest.magic, "version": manifest.version}
    }
    if plan.config:
        document["config"] = dict(plan.config)
    if plan.resources:
        document["resourcePlans"] = {
            urn: _encode_resource(planned, encrypt) for urn, planned in sorted(plan.resources.items())
        }
    return document


def decode_plan(document: Any, decrypt: Decrypt) -> Plan:
    """The plan of a document. Raises PlanFormatError."""
    try:
        manifest = document.get("manifest") or {}
        return Plan(
            {urn: _decode_resource(v, decrypt) for urn, v in (document.get("resourcePlans") or {}).items()},
            Manifest(
                str(manifest.get("time") or ""),
                str(manifest.get("magic") or ""),
                str(manifest.get("version") or ""),
            ),
            document.get("config") or {},
        )
    except PropertyError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise PlanFormatError(f"the plan is malformed: {error}") from error


def _encode_resource(planned: ResourcePlan, encrypt: Encrypt) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if planned.goal:
        data["goal"] = _encode_goal(planned.goal, encrypt)
    if planned.ops:
        data["steps"] = [op.value for op in planned.ops]
    data["state"] = None if planned.outputs is None else to_json(planned.outputs, encrypt)
    if planned.seed:
        data["seed"] = base64.b64encode(planned.seed).decode()
    return data


def _encode_goal(goal: PlannedGoal, encrypt: Encrypt) -> dict[str, Any]:
    timeouts = {k: getattr(goal.timeouts, k) for k in ("create", "update", "delete")}
    data: dict[str, Any] = {
        "type": goal.type,
        "name": goal.name,
        "custom": goal.custom,
        "inputDiff": _encode_changes(goal.inputs, encrypt),
        "outputDiff": _encode_changes(goal.outputs, encrypt),
        "parent": goal.parent,
        "protect": goal.protect,
        "dependencies": list(goal.dependencies),
        "provider": goal.provider,
        "propertyDependencies": dict(goal.property_dependencies),
        "deleteBeforeReplace": goal.delete_before_replace,
        "ignoreChanges": list(goal.ignore_changes),
        "additionalSecretOutputs": list(goal.additional_secret_outputs),
        "structuredAliases": [_encode_alias(alias) for alias in goal.aliases],
        "id": goal.import_id,
        "customTimeouts": {key: value for key, value in timeouts.items() if value},
    }
    always = ("type", "name", "custom", "inputDiff", "outputDiff", "protect", "customTimeouts")
    return {k: v for k, v in data.items() if k in always or v not in ("", [], {}, None)}


def _encode_alias(alias: Alias) -> dict[str, Any]:
    return {key: getattr(alias, name) for key, name in _ALIAS.items()} | {"NoParent": alias.no_parent}


def _encode_changes(changes: PropertyChanges, encrypt: Encrypt) -> dict[str, Any]:
    data: dict[str, Any] = {
        "adds": to_json(changes.adds, encrypt),
        "deletes": list(changes.deletes),
        "updates": to_json(changes.updates, encrypt),
    }
    return {key: value for key, value in data.items() if value}


def _decode_resource(data: Mapping[str, Any], decrypt: Decrypt) -> ResourcePlan:
    outputs = data.get("state")
    return ResourcePlan(
        _decode_goal(data["goal"], decrypt) if data.get("goal") else None,
        [Op(op) for op in data.get("steps") or ()],
        None if outputs is None else from_json(outputs, decrypt),
        base64.b64decode(data["seed"]) if data.get("seed") else None,
    )


def _decode_goal(data: Mapping[str, Any], decrypt: Decrypt) -> PlannedGoal:
    timeouts = data.get("customTimeouts") or {}
    return PlannedGoal(
        data["type"],
        data["name"],
        data["custom"],
        _decode_changes(data.get("inputDiff") or {}, decrypt),
        _decode_changes(data.get("outputDiff") or {}, decrypt),
        data.get("parent") or "",
        bool(data.get("protect")),
        tuple(data.get("dependencies") or ()),
        data.get("provider") or "",
        data.get("propertyDependencies") or {},
        data.get("deleteBeforeReplace"),
        tuple(data.get("ignoreChanges") or ()),
        tuple(data.get("additionalSecretOutputs") or ()),
        tuple(_decode_alias(alias) for alias in data.get("structuredAliases") or ()),
        data.get("id") or "",
        CustomTimeouts(**{k: timeouts.get(k, 0) for k in ("create", "update", "delete")}),
    )


def _decode_alias(data: Mapping[str, Any]) -> Alias:
    texts = {name: data.get(key) or "" for key, name in _ALIAS.items()}
    return Alias(**texts, no_parent=bool(data.get("NoParent")))


def _decode_changes(data: Mapping[str, Any], decrypt: Decrypt) -> PropertyChanges:
    return PropertyChanges(
        from_json(data.get("adds") or {}, decrypt),
        tuple(data.get("deletes") or ()),
        from_json(data.get("updates") or {}, decrypt),
    )
