"""Databricks: running steps there, and setting a workspace up for it. Knows nothing of this project's tables."""
