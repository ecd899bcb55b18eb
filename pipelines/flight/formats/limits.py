"""Caps that hold before anything is parsed, so that a bomb costs neither time nor memory.

The largest session imagined is ten hours of a 50 Hz research logger; every cap leaves room for it.
"""

MAX_STORED_BYTES = 256 * 1024 * 1024
"""Size of a file as stored, compressed or not."""

MAX_TEXT_BYTES = 512 * 1024 * 1024
"""Size of a text file after decompression."""

MAX_DECOMPRESSION_RATIO = 100
"""Decompressed bytes per stored byte; flight logs compress 5 to 20 fold. Looked at from 4 MiB on."""

RATIO_IGNORED_BELOW_BYTES = 4 * 1024 * 1024

MAX_HEADER_BYTES = 256 * 1024
"""Longest line that can be a header; a longer first line is refused without looking for its end."""

MAX_COLUMNS = 2_000
MAX_ROWS = 3_000_000
MAX_PARQUET_FOOTER_BYTES = 4 * 1024 * 1024
MAX_PARQUET_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024

MAX_DURATION_S = 48 * 3600
MIN_ROWS = 10
"""A file with fewer samples holds nothing to analyse."""
