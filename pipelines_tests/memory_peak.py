"""How much memory this process and its workers have held at most since a moment."""

from __future__ import annotations

from pathlib import Path

import psutil


class MemoryPeak:
    """What is held beyond what was held when this was made, at its highest (Linux)."""

    def __init__(self) -> None:
        (Path("/proc/self") / "clear_refs").write_text("5")  # the peak counts from now
        self._before = self._held("VmRSS")

    @property
    def bytes(self) -> int:
        """Of this process and all that it has started and still runs."""
        return self._held("VmHWM") - self._before

    def _held(self, what: str) -> int:
        total = 0
        for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
            lines = (Path("/proc") / str(process.pid) / "status").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))
        return total
