"""The flight domain: channels, aircraft, maneuvers, approaches. No Spark, no Dagster."""
