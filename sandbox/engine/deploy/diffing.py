"""Differences between what a resource is and what it should be."""

from __future__ import annotations

import copy
from dataclasses import replace

from sandbox.engine import property_path
from sandbox.engine.deploy.providers.api import Changes, Diff, DiffCall, DiffKind, PropertyDiff, Provider
from sandbox.engine.model import Resource
from sandbox.engine.properties import PropertyMap, PropertyValue, plain, same

INIT_ERROR_KEY = "#initerror"
"""Stands in `replaceOnChanges` for errors that were left from initialising a resource."""


def diff_resource(
    provider: Provider,
    resource: Resource,
    new_inputs: PropertyMap,
    allow_unknowns: bool,
    ignore_changes: tuple[str, ...],
    *,
    urn: str = "",
) -> Diff:
    """The provider's diff from the resource as recorded to the new inputs; where the provider cannot tell,
    the difference of the inputs. `urn` is what the resource is called now, if not what it was called.
    Raises ProviderError and DiffUnavailable."""
    diff = provider.diff(
        DiffCall(
            urn or resource.urn,
            resource.id,
            resource.inputs,
            resource.outputs,
            new_inputs,
            allow_unknowns,
            ignore_changes,
        )
    )
    if diff.changes is not Changes.UNKNOWN:
        return diff
    wanted, _ = with_ignored_changes(new_inputs, resource.inputs, ignore_changes)
    detailed = difference(plain(resource.inputs), plain(wanted))
    if not detailed:
        return replace(diff, changes=Changes.NONE)
    changed = tuple(sorted({str(property_path.parse(path)[0]) for path in detailed}))
    return replace(diff, changes=Changes.SOME, changed_keys=changed, detailed=detailed)


def difference(old: PropertyValue, new: PropertyValue, path: str = "") -> dict[str, PropertyDiff]:
    """Every path at which two values differ."""
    found: dict[str, PropertyDiff] = {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            below = _below(path, key)
            if key not in new:
                found[below] = PropertyDiff(DiffKind.DELETE, input_diff=True)
            elif key not in old:
                found[below] = PropertyDiff(DiffKind.ADD, input_diff=True)
            else:
                found |= difference(old[key], new[key], below)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            below = f"{path}[{i}]"
            if i >= len(new):
                found[below] = PropertyDiff(DiffKind.DELETE, input_diff=True)
            elif i >= len(old):
                found[below] = PropertyDiff(DiffKind.ADD, input_diff=True)
            else:
                found |= difference(old[i], new[i], below)
    elif not same(old, new):
        found[path] = PropertyDiff(DiffKind.UPDATE, input_diff=True)
    return found


def _below(path: str, key: str) -> str:
    if any(c in key for c in '.["]'):
        escaped = key.replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


def inverted(diff: Diff) -> Diff:
    """The diff seen from the other side: what a refresh found out to have changed."""
    if diff.detailed is None:
        return diff
    return replace(
        diff,
        detailed={k: PropertyDiff(d.kind.inverted(), d.input_diff) for k, d in diff.detailed.items()},
    )


def with_ignored_changes(
    inputs: PropertyMap, old_inputs: PropertyMap, ignore_changes: tuple[str, ...]
) -> tuple[PropertyMap, list[str]]:
    """The inputs with the ignored properties as they were, and the paths for which that could not be done."""
    if not ignore_changes:
        return inputs, []
    kept = copy.deepcopy(inputs)
    failed = []
    for text in ignore_changes:
        try:
            path = property_path.parse(text)
        except property_path.PathError:
            continue
        if not property_path.reset(path, old_inputs, kept):
            failed.append(text)
    return kept, failed


def with_replace_on_changes(diff: Diff, paths: tuple[str, ...], has_init_errors: bool) -> Diff:
    """The diff with changes at the paths made replacements. Raises PathError for a malformed path."""
    if diff.changes is not Changes.SOME and not has_init_errors:
        return diff
    replacing = [property_path.parse(path) for path in paths]

    def matches(text: str) -> bool:
        try:
            path = property_path.parse(text)
        except property_path.PathError:
            return False
        return any(property_path.contains(outer, path) for outer in replacing)

    detailed = diff.detailed
    if detailed is not None:
        detailed = {
            path: PropertyDiff(d.kind.replacing(), d.input_diff) if matches(path) else d
            for path, d in detailed.items()
        }
    keys = [*diff.replace_keys, *(k for k in diff.changed_keys if k not in diff.replace_keys and matches(k))]
    changes = diff.changes
    if has_init_errors and matches(INIT_ERROR_KEY):
        keys.append(INIT_ERROR_KEY)
        changes = Changes.SOME
        if detailed is not None:
            detailed[INIT_ERROR_KEY] = PropertyDiff(DiffKind.UPDATE_REPLACE)
    return replace(diff, detailed=detailed, replace_keys=tuple(keys), changes=changes)
