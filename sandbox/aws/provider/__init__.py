"""The `aws` package's resource provider over the emulated cloud, spoken in Pulumi's provider protocol."""
