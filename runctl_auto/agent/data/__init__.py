"""What a run needs beforehand: its code and its data."""
