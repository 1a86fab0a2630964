"""Works on several stacks at once."""
