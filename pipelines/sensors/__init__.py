"""What starts runs by itself, in each code location."""
