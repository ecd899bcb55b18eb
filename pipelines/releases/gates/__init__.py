"""The gates of a release: what a version must show before it reaches customers, a file per gate."""
