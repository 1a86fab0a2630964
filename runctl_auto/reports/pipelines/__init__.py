"""Files that run runctl elsewhere: workflows, pipelines, manifests, and a repository that has them."""
