"""A Pulumi program that declares one job by its file, and decides for itself what `runctl up` would."""
