"""How the agent comes to a machine and starts there."""
