"""The calls to AWS that runctl's own source mentions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.session import Session

ROOT = Path(__file__).parents[2]
OUTSIDE = ("agent", "cli")
"""Folders that call no service: the agent has a client of its own, the command line calls operations."""
SERVICES = (
    *("ec2", "autoscaling", "s3", "iam", "ssm", "sts", "pricing", "logs"),
    *("resourcegroupstaggingapi", "service-quotas"),
)
OPERATION = re.compile(
    r"(describe|get|list|head|put|delete|create|terminate|cancel|remove|abort|detach|copy|modify|set)_[a-z0-9_]+"
)


@cache
def service_models() -> dict[str, Any]:
    session = Session()
    return {service: session.get_service_model(service) for service in SERVICES}


@cache
def operations() -> dict[str, tuple[str, str]]:
    """Python's name of an operation to its service and the service's name of it."""
    found: dict[str, tuple[str, str]] = {}
    for service, model in service_models().items():
        for name in model.operation_names:
            found.setdefault(xform_name(name), (service, name))
    return found


def own_calls() -> list[str]:
    """Operations of ``SERVICES`` that the source mentions, as botocore's Python names."""
    return sorted(name for name in mentioned_operations() if name in operations())


@cache
def mentioned_operations() -> frozenset[str]:
    """Everything in the source that is named like an operation of AWS."""
    return frozenset(name for _, tree in source_trees() for name in _mentioned(tree))


@cache
def source_trees() -> list[tuple[Path, ast.AST]]:
    """The modules that may call AWS, parsed."""
    package = ROOT / "runctl_auto"
    return [
        (path, ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in OUTSIDE
    ]


def _mentioned(tree: ast.AST) -> Iterator[str]:
    """Operations as texts (``call("ec2", "describe_x")``) and as methods (``client("s3").get_object``)."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        text = node.attr if isinstance(node, ast.Attribute) else text
        if isinstance(text, str) and OPERATION.fullmatch(text):
            yield text
