"""Settings of a project and of its stacks: `Pulumi.yaml`, `Pulumi.<stack>.yaml`, configuration values."""
