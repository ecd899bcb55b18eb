"""What runs inside a Databricks task. Shipped as one file; imports nothing of the project, only Python and Dagster."""
