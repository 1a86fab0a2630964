"""What a run saves and takes up again: checkpoints and artifacts."""
