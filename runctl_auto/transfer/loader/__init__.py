"""The parts of the loader that ``runctl data loader`` writes; ``writing`` joins those that a job needs.

A part imports the standard library, other parts, and torch, numpy and obstore where they are used; nothing
else of runctl, since the loader runs without it.
"""
