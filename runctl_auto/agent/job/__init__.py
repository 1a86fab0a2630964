"""The job's processes: started, watched, ended."""
