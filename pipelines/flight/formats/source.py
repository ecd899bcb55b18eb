"""From stored bytes to readable content: caps, decompression, encoding, line ends."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.flight.formats import limits
from pipelines.flight.formats.quarantine import QuarantineCode, QuarantineError

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_OTHER_BINARIES = (
    (b"PK\x03\x04", "a zip archive or spreadsheet"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"SQLite format 3", "a SQLite database"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class SourceFile:
    """A session file, opened: either `text` (UTF-8 without BOM, lines end with a line feed) or `parquet` bytes."""

    name: str
    text: bytes
    parquet: bytes | None
    repairs: tuple[str, ...]


def open_source(name: str, content: bytes) -> SourceFile:
    """Open a stored file of that name, or raise `QuarantineError` (empty, too large, bomb, truncated, binary).

    `name` may hold folders; only its last part is used. A leading gzip signature decides over the name.
    """
    name = PurePosixPath(name.replace("\\", "/")).name or name
    if not content:
        raise QuarantineError(
            QuarantineCode.EMPTY, f"{name} holds no bytes.", "file", "Export or upload the session again."
        )
    if len(content) > limits.MAX_STORED_BYTES:
        raise QuarantineError(
            QuarantineCode.TOO_LARGE,
            f"{name} has {len(content):,} bytes; a session file has at most {limits.MAX_STORED_BYTES:,}.",
            "file",
            "Export the sessions one by one.",
        )
    if content.startswith(_GZIP):
        content = _decompress(name, content)
    if content.startswith(_PARQUET):
        return SourceFile(name, b"", content, ())
    _refuse_long_header(name, content)
    text, repairs = _as_utf8(name, content)
    if not text[:4096].strip() and not text.strip():
        raise QuarantineError(
            QuarantineCode.EMPTY, f"{name} holds only blanks.", "file", "Export or upload the session again."
        )
    return SourceFile(name, text, None, tuple(repairs))


def _decompress(name: str, content: bytes) -> bytes:
    """Unpack gzip (one or several members) piece by piece, so that a bomb is refused after a few MiB."""
    pieces: list[bytes] = []
    size = 0
    rest = content
    header_seen = False
    while rest:
        unpacker = zlib.decompressobj(wbits=31)
        pending = rest
        while not unpacker.eof:
            try:
                piece = unpacker.decompress(pending, _CHUNK)
            except zlib.error as error:
                raise QuarantineError(
                    QuarantineCode.TRUNCATED,
                    f"{name} is a damaged gzip file (after {size:,} unpacked bytes: {error}).",
                    f"byte {size} of the unpacked text",
                    "Copy or compress the file again.",
                ) from error
            pending = unpacker.unconsumed_tail
            pieces.append(piece)
            size += len(piece)
            if not piece and not pending and not unpacker.eof:
                raise QuarantineError(
                    QuarantineCode.TRUNCATED,
                    f"{name} ends in the middle of its gzip data (after {size:,} unpacked bytes).",
                    "end of the file",
                    "Wait until the upload is complete, or copy the file again.",
                )
            if not header_seen and size > limits.MAX_HEADER_BYTES:
                header_seen = True
                if not pieces[0].startswith(_PARQUET):
                    _refuse_long_header(name, b"".join(pieces))
            too_dense = size > limits.RATIO_IGNORED_BELOW_BYTES and size > limits.MAX_DECOMPRESSION_RATIO * len(content)
            if too_dense or size > limits.MAX_TEXT_BYTES:
                raise QuarantineError(
                    QuarantineCode.DECOMPRESSION_BOMB,
                    f"{name} unpacks from {len(content):,} to more than {size:,} bytes; "
                    f"{limits.MAX_DECOMPRESSION_RATIO} to 1 and {limits.MAX_TEXT_BYTES:,} bytes are the caps.",
                    "file",
                    "Upload the session uncompressed, or check where this file comes from.",
                )
        rest = unpacker.unused_data
        if rest and not rest.startswith(_GZIP):
            # gzip pads to block sizes with zeros; anything else behind the last member is damage
            if rest.strip(b"\0"):
                raise QuarantineError(
                    QuarantineCode.TRUNCATED,
                    f"{name} has {len(rest):,} bytes behind its gzip data that do not belong there.",
                    "end of the file",
                    "Copy or compress the file again.",
                )
            rest = b""
    unpacked = b"".join(pieces)
    if not unpacked:
        raise QuarantineError(
            QuarantineCode.EMPTY, f"{name} unpacks to no bytes.", "file", "Export or upload the session again."
        )
    return unpacked


def _refuse_long_header(name: str, content: bytes) -> None:
    head = content[: limits.MAX_HEADER_BYTES]
    if len(content) <= limits.MAX_HEADER_BYTES or b"\n" in head or b"\r" in head:
        return
    _refuse_binary(name, head[:4096])
    delimiter = max((b",", b";", b"\t", b"|"), key=head.count)
    raise QuarantineError(
        QuarantineCode.TOO_MANY_COLUMNS,
        f"Line 1 of {name} is longer than {limits.MAX_HEADER_BYTES:,} bytes and has at least "
        f"{head.count(delimiter):,} columns; a session has at most {limits.MAX_COLUMNS:,}.",
        "line 1",
        "Export only the columns of the session, with line ends.",
    )


def _refuse_binary(name: str, head: bytes) -> None:
    for signature, what in _OTHER_BINARIES:
        if head.startswith(signature):
            raise QuarantineError(
                QuarantineCode.BINARY,
                f"{name} is {what}, not a session file.",
                "byte 0",
                "Upload the session as text (CSV), gzipped text or Parquet.",
            )


def _as_utf8(name: str, content: bytes) -> tuple[bytes, list[str]]:
    repairs: list[str] = []
    _refuse_binary(name, content)
    encoding = _utf16_of(content)
    if encoding:
        try:
            content = content.decode(encoding).encode()
        except UnicodeDecodeError as error:
            raise QuarantineError(
                QuarantineCode.TRUNCATED,
                f"{name} is UTF-16 text that breaks off or is damaged at byte {error.start:,}.",
                f"byte {error.start}",
                "Export the session again, if possible as UTF-8.",
            ) from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        raise QuarantineError(
            QuarantineCode.BINARY,
            f"{name} has a zero byte in line {line}: it is binary, or a recorder lost power while writing it.",
            f"line {line}",
            "Upload the session as text (CSV); if the recorder lost power, delete the zero bytes at the end.",
        )
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            # every byte is a character in Latin-1; the numbers are ASCII in either
            content = content.decode("latin-1").encode()
            repairs.append("The text is not UTF-8; it was read as Latin-1.")
    sample = content[:65536]
    odd = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    if odd * 100 > len(sample):
        raise QuarantineError(
            QuarantineCode.BINARY,
            f"{name} is not text: {odd:,} of its first {len(sample):,} bytes are control characters.",
            "line 1",
            "Upload the session as text (CSV), gzipped text or Parquet.",
        )
    if b"\r" in content:
        carriage_returns, pairs, line_feeds = content.count(b"\r"), content.count(b"\r\n"), content.count(b"\n")
        content = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if pairs != line_feeds or pairs != carriage_returns:
            repairs.append("Mixed line ends were read as one kind.")
    return content, repairs


_CONTROL_BYTES = bytes(code for code in (*range(32), 127) if code not in (9, 10, 12, 13, 26, 27))


def _utf16_of(content: bytes) -> str | None:
    if content.startswith(b"\xff\xfe"):
        return "utf-16"
    if content.startswith(b"\xfe\xff"):
        return "utf-16"
    head = content[:512]
    if len(head) < 16:
        return None
    # without a byte order mark: text whose every second byte is zero
    if head[1::2].count(0) > 0.9 * len(head[1::2]) and head[::2].count(0) == 0:
        return "utf-16-le"
    if head[::2].count(0) > 0.9 * len(head[::2]) and head[1::2].count(0) == 0:
        return "utf-16-be"
    return None
