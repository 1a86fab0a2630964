"""Where a run is traced, and what its machines have recorded."""
