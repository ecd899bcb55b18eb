"""Flight-training models from raw sessions to production releases."""
