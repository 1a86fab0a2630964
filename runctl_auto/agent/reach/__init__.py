"""What a person does on the machine while the job runs."""
