"""Features, training and prediction of the maneuver classifier."""
