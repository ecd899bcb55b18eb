"""The processes of Dagster's runs on one machine, forked from one that has imported what they need."""
