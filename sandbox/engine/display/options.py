"""What a person wants to see of an operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DisplayOptions:
    """The choices that the command line's flags make."""

    coloured: bool = False
    debug: bool = False
    show_sames: bool = False
    show_reads: bool = False
    show_replacement_steps: bool = False
    show_urns: bool = False
    show_policy_remediations: bool = False
    suppress_outputs: bool = False
    cut_texts: bool = False
    """Show only the beginning of long texts."""
    suppress_progress: bool = False
    replacements_in_one: bool = False
    """Hide the single steps of a replacement (diff and JSON displays do)."""
