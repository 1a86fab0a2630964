"""Language hosts attached as in tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.pulumi_engine import Project

from runctl_auto.engine.language.attached import LanguageHost

WARM_MODULES = ("pulumi", "pulumi_policy", "wave")
"""``wave`` is a module that no test program imports: a program in which it is loaded was forked."""


@contextmanager
def attached(
    *projects: Project,
    modules: Sequence[str] = (),
    search: Sequence[Path] = (),
    packs: Sequence[Path] = (),
) -> Iterator[dict[str, str]]:
    """A host that serves the projects; yields the environment variables that an engine needs to use it."""
    with LanguageHost.start(
        projects[0].environment,
        programs=[each.folder for each in projects],
        packs=packs,
        modules=modules,
        search=search,
    ) as host:
        yield variables(host)


def variables(host: LanguageHost) -> dict[str, str]:
    """Environment variables that an engine needs to use the host."""
    return {"PULUMI_DEBUG_LANGUAGES": f"python:{host.port()}"}
