"""Container registries: which image a name means, asked without fetching it."""
