"""The agent as a process of the person's own machine: its folder, its place in the queue, its start."""
