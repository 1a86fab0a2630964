"""The name of the package that other languages know, and of its component."""

NAME = "runctl"
TYPE = f"{NAME}:index:TrainingJob"
