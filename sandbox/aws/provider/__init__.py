"""The resource provider of the `aws` package for the emulated cloud, over Pulumi's provider protocol."""
