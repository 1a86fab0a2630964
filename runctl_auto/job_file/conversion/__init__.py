"""Turns task files of SkyPilot and dstack into job files."""
