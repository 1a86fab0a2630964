"""How secret values are encrypted at rest."""
