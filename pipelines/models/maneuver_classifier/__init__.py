"""Which maneuver is flown, second by second, merged into segments."""
