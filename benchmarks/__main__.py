"""`python -m benchmarks [NAME ...]`: measure all or the named benchmarks and write RESULTS.md."""

from __future__ import annotations

import importlib
import sys

from benchmarks.report import RESULTS, Section, write

NAMES = (
    *("loading", "simulator", "landing", "ingest", "known_files", "launcher"),
    *("demo", "releases", "release_sizes", "customers", "models"),
)


def main(names: list[str]) -> int:
    """Run them one after another; a failing one does not keep the others from running."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names or NAMES:
        print(f"{name} ...", flush=True)
        try:
            found = importlib.import_module(f"benchmarks.{name}").measure()
            # What is measured is written at once: what fails after it must not lose it.
            for section in [found] if isinstance(found, Section) else found:
                write(section)
                print(section.text(), end="\n\n", flush=True)
        except Exception as error:
            failed.append(name)
            print(f"{name} failed: {error}", file=sys.stderr)
    print(f"Written to {RESULTS}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
