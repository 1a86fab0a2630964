"""RunPod as a provider: pods over REST v2, results in a bucket of AWS."""
