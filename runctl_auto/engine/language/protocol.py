"""Makes Pulumi's protocol importable without the SDK around it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType


def skip_sdk() -> None:
    """Has ``pulumi.runtime.proto`` imported without ``pulumi`` and ``pulumi.runtime``, which takes a third of
    the time. For processes that only serve: nothing else of the SDK can be imported afterwards."""
    if "pulumi" in sys.modules:
        return
    spec = find_spec("pulumi")
    if spec is None or spec.submodule_search_locations is None:
        return  # the import that follows says what is missing
    folder = next(iter(spec.submodule_search_locations))
    for name, path in (("pulumi", folder), ("pulumi.runtime", f"{folder}/runtime")):
        module = ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module
