"""Everything that the project makes, as Dagster shows it; one module for each code location wires it."""
