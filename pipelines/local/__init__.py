"""The local workspace: loopback servers that speak the Databricks REST API and really run what is submitted.

Start with `pipelines.local.lifecycle`: `up`, `down`, `status`, `connection`.
"""
