"""How the resources of each AWS service are listed and deleted."""
