"""Runs steps of any Dagster project on Databricks; knows nothing of this project's tables and models."""
