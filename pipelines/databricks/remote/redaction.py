"""Keeps the values of secrets out of whatever leaves the task."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

REPLACEMENT = "[REDACTED]"
_SHORTEST = 5
"""Shorter values would turn up in harmless words."""


class Redaction:
    """Replaces the secrets that it knows."""

    def __init__(self) -> None:
        self._values: list[str] = []

    def add(self, values: Iterable[str]) -> None:
        """Know these too, and the single lines of those that have several."""
        parts = {part.strip() for value in values for part in (value, *value.splitlines())}
        known = {*self._values, *(part for part in parts if len(part) >= _SHORTEST)}
        self._values = sorted(known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for value in self._values:
            text = text.replace(value, REPLACEMENT)
        return text

    def document(self, document: str) -> str:
        """A JSON document without secrets in its texts."""
        if not any(value in document or json.dumps(value)[1:-1] in document for value in self._values):
            return document
        return json.dumps(self._cleaned(json.loads(document)))

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._cleaned(entry) for entry in value]
        if isinstance(value, dict):
            return {self.text(name): self._cleaned(entry) for name, entry in value.items()}
        return value


class RedactedStream(io.TextIOBase):
    """Standard output or error of the task, line by line: without secrets, and told to a listener too."""

    def __init__(self, stream: Any, redaction: Redaction, listener: Callable[[str], None]) -> None:
        super().__init__()
        self._stream = stream
        self._redaction = redaction
        self._listener = listener
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        complete, newline, self._line = (self._line + text).rpartition("\n")
        if newline:
            self._pass_on(complete + newline)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def finish(self) -> None:
        """Pass on a last line that has no end."""
        if self._line:
            rest, self._line = self._line, ""
            self._pass_on(rest)
        self._stream.flush()

    def _pass_on(self, text: str) -> None:
        text = self._redaction.text(text)
        self._stream.write(text)
        self._listener(text)

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"
