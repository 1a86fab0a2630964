"""What an engine makes of an attribute file that a killed one left empty."""

from __future__ import annotations

from support.engine.toy_programs import chain
from support.engine.toy_stack import ToyStack

from runctl_auto.backend.attributes import remove_unreadable


def test_an_empty_attribute_file_hides_the_stack_until_it_is_removed(stack: ToyStack) -> None:
    """`runctl_auto/backend/attributes.py` removes it: the checkpoint itself is whole."""
    stack.up(chain)
    stack.checkpoint.with_name(f"{stack.checkpoint.name}.attrs").write_bytes(b"")
    failed = stack.run("stack", "export")
    assert (failed.code, "failed to load checkpoint: EOF" in failed.text) == (1, True)
    root = stack.checkpoint.parents[2]
    assert remove_unreadable(root, stack.checkpoint.parent.name, stack.checkpoint.stem)
    assert '"resources"' in stack.pulumi("stack", "export")
