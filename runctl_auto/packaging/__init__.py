"""Packages for the machine."""
