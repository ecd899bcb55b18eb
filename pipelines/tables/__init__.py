"""The tables: contracts, and the Spark transforms that fill bronze, silver and gold."""
