"""Customers' identifiers: allow-listed before they touch SQL, a path or a tag."""

from __future__ import annotations

import re

_ALLOWED = re.compile(r"[a-z][a-z0-9_]{1,40}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,}", re.ASCII)

_TAKEN = ("development", "production", "shared", "untagged")
"""Words of the cost report: `shared` stands where a customer would for what no single one caused, the others are cost
centers, which a customer's identifier is as well unless another is agreed."""


class InvalidCustomerError(ValueError):
    """The text is no customer's identifier."""


def customer_id(text: str) -> str:
    """The identifier, unchanged, if it is one: a lower-case letter, then 1 to 40 of lower-case letters, digits and `_`.

    `acme` and `acme_` would be two customers that people take for one, so an identifier ends in no `_` and has no two
    of them in a row. Nor is it what git would take for a commit (`deadbeef`): partitions of releases are commits; nor a
    word that the cost report has another meaning for (`shared`).

    Raises:
        InvalidCustomerError: it is none; the message says what one looks like.
    """
    if not isinstance(text, str) or not _ALLOWED.fullmatch(text) or text.endswith("_") or "__" in text:
        raise InvalidCustomerError(
            f"{str(text)[:60]!r} is no customer identifier: write a lower-case letter, then 1 to 40 lower-case letters "
            "(a to z), digits or single underscores, not ending in one."
        )
    if _COMMIT.fullmatch(text):
        raise InvalidCustomerError(
            f"{text!r} is no customer identifier: it could be a commit's. Add a letter after f, or an underscore."
        )
    if text in _TAKEN:
        raise InvalidCustomerError(
            f"{text!r} is no customer identifier: the cost report has another meaning for it, and the customer's costs "
            f"would be mixed with that. Add something to it, such as {text}_1."
        )
    return text
