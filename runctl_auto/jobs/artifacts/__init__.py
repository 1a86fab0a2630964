"""The artifacts of a run, brought home."""
