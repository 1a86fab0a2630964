"""The command line: what the executable `pulumi` understands."""
