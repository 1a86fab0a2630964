"""What is looked at: all jobs, one job, costs, receipts, leaks. Reads only."""
