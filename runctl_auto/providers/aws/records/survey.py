"""Searches a region of an AWS account for all resources that may be runctl's, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.catalogue import KINDS, RECORDS
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.records.search import Search, unknown_price
from runctl_auto.providers.contract import PriceOf
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations, Survey, Unchecked


def survey_region(
    cloud: Cloud,
    scope: Scope,
    *,
    related: Relations = NOTHING_RELATED,
    price_of: PriceOf = unknown_price,
) -> Survey:
    """All resources in ``scope``, of all kinds; none is classified as foreign here. Blocks.

    Makes list calls only, in pages. Results lag by seconds, as the services' lists do. Kinds that cannot be
    listed, for example for lack of access, are in ``Survey.unchecked``.
    """
    search = Search(cloud, scope, price_of, related)
    unchecked = (*_read_tag_list(search), *_run_looks(search))
    found = [each for kind in RECORDS for each in search.found(kind.name)]
    return Survey(tuple(_without_parts(_with_owners(found))), (), unchecked)


def _read_tag_list(search: Search) -> Iterator[Unchecked]:
    tagged = [kind for kind in RECORDS if kind.tagging is not None]
    try:
        search.read_tag_list(tagged)
    except CloudError as error:
        *first, last = (f"{kind.name}s" for kind in tagged)
        yield Unchecked(f"{', '.join(first)} and {last} by tag", str(error))


def _run_looks(search: Search) -> Iterator[Unchecked]:
    looks = [(look, kind) for kind in RECORDS for look in kind.looks]
    for look, kind in sorted(looks, key=lambda each: each[0].stage):
        try:
            found = tuple(look.find(kind, search))
        except CloudError as error:
            yield Unchecked(kind.name, str(error))
        else:
            search.add(kind.name, found)


def _with_owners(resources: Sequence[CloudResource]) -> list[CloudResource]:
    """Resources without an owner's tag belong to the owner of their parent."""
    by_key = {each.key: each for each in resources}

    def owned(resource: CloudResource) -> CloudResource:
        above, seen = resource, {resource.key}
        while not (above.owner or above.backend):
            parent = next((by_key[key] for key in KINDS.parent_keys(above) if key in by_key), None)
            if parent is None or parent.key in seen:
                return resource
            seen.add(parent.key)
            above = parent
        return replace(resource, owner=above.owner, backend=above.backend)

    return [owned(each) for each in resources]


def _without_parts(resources: Sequence[CloudResource]) -> Iterator[CloudResource]:
    """Excludes resources that are deleted with a found instance, and cannot be removed before it."""
    machines = {each.id for each in resources if KINDS[each.kind].is_machine}
    return (each for each in resources if not (each.part and each.parent in machines))
