"""The functions of the `aws` package that programs call (`aws.get_…`), one file a subject."""
