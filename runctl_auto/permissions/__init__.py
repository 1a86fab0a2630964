"""The permissions runctl needs in an account: IAM policies generated from its API calls."""
