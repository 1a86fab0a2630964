"""Pulumi's gRPC protocols, as they ship in the `pulumi` package.

Importing `pulumi.runtime.proto` the plain way runs the whole SDK first, which an engine has no use for.
Its parents are therefore stood in for while the protocols are imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

_PARENTS = ("pulumi", "pulumi.runtime")


def _import(names: tuple[str, ...]) -> dict[str, Any]:
    if "pulumi" in sys.modules:
        return {name: importlib.import_module(f"pulumi.runtime.proto.{name}") for name in names}
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("the package `pulumi` is not installed")
    root = next(iter(spec.submodule_search_locations))
    for name, path in zip(
        (*_PARENTS, "pulumi.runtime.proto"), ("", "/runtime", "/runtime/proto"), strict=True
    ):
        stand_in = ModuleType(name)
        stand_in.__path__ = [root + path]
        sys.modules[name] = stand_in
    try:
        return {name: importlib.import_module(f"pulumi.runtime.proto.{name}") for name in names}
    finally:
        for name in (*_PARENTS, "pulumi.runtime.proto"):
            del sys.modules[name]


_modules = _import(
    (
        "alias_pb2",
        "analyzer_pb2",
        "analyzer_pb2_grpc",
        "callback_pb2",
        "callback_pb2_grpc",
        "engine_pb2",
        "engine_pb2_grpc",
        "errors_pb2",
        "events_pb2",
        "events_pb2_grpc",
        "language_pb2",
        "language_pb2_grpc",
        "plugin_pb2",
        "provider_pb2",
        "provider_pb2_grpc",
        "resource_pb2",
        "resource_pb2_grpc",
        "source_pb2",
        "status_pb2",
    )
)
alias_pb2: Any = _modules["alias_pb2"]
analyzer_pb2: Any = _modules["analyzer_pb2"]
analyzer_pb2_grpc: Any = _modules["analyzer_pb2_grpc"]
callback_pb2: Any = _modules["callback_pb2"]
callback_pb2_grpc: Any = _modules["callback_pb2_grpc"]
engine_pb2: Any = _modules["engine_pb2"]
engine_pb2_grpc: Any = _modules["engine_pb2_grpc"]
errors_pb2: Any = _modules["errors_pb2"]
events_pb2: Any = _modules["events_pb2"]
events_pb2_grpc: Any = _modules["events_pb2_grpc"]
language_pb2: Any = _modules["language_pb2"]
language_pb2_grpc: Any = _modules["language_pb2_grpc"]
plugin_pb2: Any = _modules["plugin_pb2"]
provider_pb2: Any = _modules["provider_pb2"]
provider_pb2_grpc: Any = _modules["provider_pb2_grpc"]
resource_pb2: Any = _modules["resource_pb2"]
resource_pb2_grpc: Any = _modules["resource_pb2_grpc"]
source_pb2: Any = _modules["source_pb2"]
status_pb2: Any = _modules["status_pb2"]
