"""Pulumi's engine as the driver meets it: events, failures, locks."""
