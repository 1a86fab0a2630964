"""Where a run goes: the offers of all providers, ordered, and failover."""
