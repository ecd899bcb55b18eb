"""What computing costs: a row for every remote run, and reports whose parts sum to the whole."""
