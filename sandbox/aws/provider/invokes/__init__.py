"""The functions of the `aws` package (`aws.get_…`), one file per subject."""
