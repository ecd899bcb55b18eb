"""Local workspaces, a warm cluster and a shipped project for the launcher's tests."""

from pipelines_tests.databricks.fixtures import *  # noqa: F403
