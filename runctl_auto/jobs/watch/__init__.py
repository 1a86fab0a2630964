"""Many jobs looked at in rounds, with nobody at the terminal."""
