"""The API of Auto Scaling, call by call."""
