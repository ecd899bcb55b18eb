"""What a pilot can be asked to fly: one function per task, in a file per family."""
