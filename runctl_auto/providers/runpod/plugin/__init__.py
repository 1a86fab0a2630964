"""RunPod's resources as a provider of Pulumi: pods, network volumes, templates and secrets of a stack."""
