"""Jobs of this machine: their record in `.runctl/local/`, with no stack and no engine."""
