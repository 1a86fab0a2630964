"""Data in motion between this machine and buckets: whole, verified, continued after a crash."""
