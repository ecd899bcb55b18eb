"""Dagster's own daemon, which looks at backfills every two seconds instead of thirty; all else is as it is."""

from dagster._daemon import controller
from dagster._daemon.cli import main

controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2

if __name__ == "__main__":
    main()
