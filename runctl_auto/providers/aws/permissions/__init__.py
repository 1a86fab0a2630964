"""Which IAM actions runctl needs."""
