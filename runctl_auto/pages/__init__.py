"""Jobs seen at a glance: what is looked at, its drawings, the dashboard and the terminal."""
