"""The same workspaces, cluster and shipped project as the launcher's own tests have."""

from pipelines_tests.databricks.fixtures import *  # noqa: F403
