"""Options that several commands share, taken together as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]


def option_group(
    argument: str, options: Sequence[Decorator], value: Callable[..., Any], names: Sequence[str]
) -> Callable[[CommandT], CommandT]:
    """Adds ``options`` to a command, which gets their values as one keyword ``argument``: what ``value``
    makes of those called ``names``.
    """

    def add(command: CommandT) -> CommandT:
        @functools.wraps(command)
        def with_value(*args: Any, **given: Any) -> Any:
            own = {name: given.pop(name) for name in names}
            return command(*args, **{argument: value(**own)}, **given)

        grouped: Any = with_value
        for option in reversed(options):
            grouped = option(grouped)
        return grouped  # type: ignore[no-any-return]

    return add
