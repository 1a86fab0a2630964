"""A stand-in for RunPod's API, whose pods run as processes of this machine."""
