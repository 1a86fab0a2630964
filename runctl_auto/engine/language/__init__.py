"""A Pulumi language host for Python programs.

The folder is self-contained: it is also copied beside an engine, as the executable
``pulumi-language-python``. It imports itself, the standard library, gRPC and Pulumi's protocol, and nothing
else of runctl.
"""
