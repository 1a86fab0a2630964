"""Installs the pinned Pulumi engine for the person who runs runctl, once for all projects.

Uses the standard library only, so that ``standalone.py`` works before any package is installed.
"""
