"""Jobs and their runs: submitted, run, retried, cancelled, shown."""
