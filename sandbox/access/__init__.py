"""Who may use a sandbox: the keys of its cloud, and the proofs that its servers ask for."""
