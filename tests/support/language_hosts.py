"""Language hosts as tests attach them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.pulumi_engine import Project

from runctl_auto.engine.language.attached import LanguageHost

WARM_MODULES = ("pulumi", "pulumi_policy", "wave")
"""``wave`` is a module that no test program imports: a program that has it loaded was forked."""


@contextmanager
def attached(
    *projects: Project,
    modules: Sequence[str] = (),
    search: Sequence[Path] = (),
    packs: Sequence[Path] = (),
) -> Iterator[dict[str, str]]:
    """A host that serves the projects; what an engine needs in its environment to use it."""
    with LanguageHost.start(
        projects[0].environment,
        programs=[each.folder for each in projects],
        packs=packs,
        modules=modules,
        search=search,
    ) as host:
        yield variables(host)


def variables(host: LanguageHost) -> dict[str, str]:
    """What an engine needs in its environment to use the host."""
    return {"PULUMI_DEBUG_LANGUAGES": f"python:{host.port()}"}
