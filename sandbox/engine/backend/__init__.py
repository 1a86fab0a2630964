"""The file backend: checkpoints, history, backups, locks and tags of stacks under one folder."""
