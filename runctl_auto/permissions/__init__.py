"""What runctl may do in an account: IAM policies made from the calls it makes."""
