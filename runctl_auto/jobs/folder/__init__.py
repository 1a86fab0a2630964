"""A folder of job files that says which jobs there are to be."""
