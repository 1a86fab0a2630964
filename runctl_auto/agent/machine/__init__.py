"""The machine under the agent: who it is, its volumes, its use, its end."""
