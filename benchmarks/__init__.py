"""Speed, measured: `make bench` runs every module here and writes RESULTS.md."""
