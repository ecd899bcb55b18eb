"""How values are put into words on the page; whatever came from a file or a table is shown, never obeyed."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

_HOUR_S = 3600
_UNITS = {"ft", "kt", "fpm", "deg", "g", "gph", "c"}
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a reader cannot see: controls, marks of direction, zero-width signs, lone surrogates."""


def is_missing(value: Any) -> bool:
    """Whether the cell is null, as pandas holds it: None, NaN or NaT."""
    return value is None or (not isinstance(value, (list, tuple, dict, str)) and bool(value != value))


def visible(value: Any) -> str:
    """The text with every sign that cannot be seen spelt out, such as `[U+202E]`, which turns what follows around.

    A file's name could otherwise look like another one's. Escaping for HTML is the template's matter.
    """
    if is_missing(value):
        return ""
    return "".join(f"[U+{ord(sign):04X}]" if unicodedata.category(sign) in _INVISIBLE else sign for sign in str(value))


def plain(name: Any) -> str:
    """A name of the tables as words: `steep_turn` -> `steep turn`."""
    return visible(name).replace("_", " ")


def channel(name: str) -> str:
    """A canonical channel as words, without its unit: `altitude_msl_ft` -> `altitude msl`."""
    words = name.split("_")
    return plain(" ".join(words[:-1] if words[-1] in _UNITS and len(words) > 1 else words))


def listed(names: Iterable[Any]) -> str:
    """The names as a list in words: `a, b and c`."""
    texts = [plain(name) for name in names]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def clock(seconds: Any, long: bool = False) -> str:
    """Seconds of a session as `m:ss`, or `h:mm:ss` from an hour on and where `long` asks for it."""
    if is_missing(seconds):
        return "unknown"
    whole = round(float(seconds))
    minutes, second = divmod(abs(whole), 60)
    sign = "-" if whole < 0 else ""
    if not long and abs(whole) < _HOUR_S:
        return f"{sign}{minutes}:{second:02d}"
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def number(value: Any, digits: int = 0) -> str:
    """A figure with thousands separated; `-` where it is unknown."""
    if is_missing(value) or not math.isfinite(float(value)):
        return "-"
    text = f"{float(value):,.{digits}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text


def percent(share: Any) -> str:
    """A share of 1 as percent; neither 0 % nor 100 % unless it is exactly that."""
    if is_missing(share):
        return "-"
    value = float(share)
    if 0.0 < value < 0.005:
        return "< 1 %"
    if 0.995 <= value < 1.0:
        return "> 99 %"
    return f"{value:.0%}".replace("%", " %")


def moment(value: Any) -> str:
    """A time in UTC to the minute; `unknown` where there is none."""
    if is_missing(value):
        return "unknown"
    return value.strftime("%Y-%m-%d %H:%M UTC") if isinstance(value, datetime) else visible(value)


def several(count: int, word: str, plural: str | None = None) -> str:
    """`1 approach`, `2 approaches`: the count with its word."""
    return f"{count:,} {word if count == 1 else plural or word + 's'}"
