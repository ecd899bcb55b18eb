"""Column types in the two notations that Unity Catalog carries: Spark SQL text and Delta's JSON."""

from __future__ import annotations

import json
from typing import Any

from pipelines.local.errors import invalid

_JSON_TO_TEXT = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_TEXT_TO_JSON = {
    "bigint": "long",
    "long": "long",
    "int": "integer",
    "integer": "integer",
    "smallint": "short",
    "short": "short",
    "tinyint": "byte",
    "byte": "byte",
    "string": "string",
    "double": "double",
    "float": "float",
    "real": "float",
    "boolean": "boolean",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "variant": "variant",
}
_NAMES = {"integer": "INT", "long": "LONG", "short": "SHORT", "byte": "BYTE"}


def type_text(kind: Any) -> str:
    """Spark SQL's spelling of a type in Delta's JSON, e.g. `array<bigint>`."""
    if isinstance(kind, str):
        return _JSON_TO_TEXT.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{type_text(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{type_text(kind['keyType'])},{type_text(kind['valueType'])}>"
    fields = ",".join(f"{entry['name']}:{type_text(entry['type'])}" for entry in kind["fields"])
    return f"struct<{fields}>"


def type_name(kind: Any) -> str:
    """Unity Catalog's name for a type in Delta's JSON, e.g. `LONG`."""
    if not isinstance(kind, str):
        return str(kind["type"]).upper()
    if kind.startswith("decimal"):
        return "DECIMAL"
    return _NAMES.get(kind, kind.upper())


def parse_type(text: str) -> Any:
    """The JSON notation of a type in Spark SQL.

    Raises:
        ApiError: the text is not a type.
    """
    kind, rest = _parse(text.strip())
    if rest.strip():
        raise invalid(f"Invalid column type: {text!r}")
    return kind


def _parse(text: str) -> tuple[Any, str]:
    word = ""
    while text and (text[0].isalnum() or text[0] in "_ "):
        word, text = word + text[0], text[1:]
    word = word.strip().lower()
    if word == "decimal" and text.startswith("("):
        size, _, rest = text[1:].partition(")")
        precision, _, scale = size.partition(",")
        return f"decimal({int(precision)},{int(scale or 0)})", rest
    if word in ("decimal", "numeric", "dec"):
        return "decimal(10,0)", text
    if word in ("varchar", "char") and text.startswith("("):
        return "string", text.partition(")")[2]
    if word == "array" and text.startswith("<"):
        element, rest = _parse(text[1:])
        return {"type": "array", "elementType": element, "containsNull": True}, _closed(rest)
    if word == "map" and text.startswith("<"):
        key, rest = _parse(text[1:])
        value, rest = _parse(rest.lstrip()[1:])
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}, _closed(rest)
    if word == "struct" and text.startswith("<"):
        return _parse_struct(text[1:])
    if word not in _TEXT_TO_JSON:
        raise invalid(f"Invalid column type: {word!r}")
    return _TEXT_TO_JSON[word], text


def _parse_struct(text: str) -> tuple[Any, str]:
    fields: list[dict[str, Any]] = []
    while not text.startswith(">"):
        separator = min((text.find(mark) for mark in ": " if mark in text.strip()), default=-1)
        if separator < 0:
            raise invalid("Invalid column type: a struct field needs a name and a type")
        name, text = text[:separator].strip(), text[separator + 1 :].lstrip(": ")
        kind, text = _parse(text)
        fields.append({"name": name, "type": kind, "nullable": True, "metadata": {}})
        text = text.lstrip().removeprefix(",").lstrip()
    return {"type": "struct", "fields": fields}, text[1:]


def _closed(text: str) -> str:
    if not text.lstrip().startswith(">"):
        raise invalid("Invalid column type: '>' is missing")
    return text.lstrip()[1:]


def field_of(column: dict[str, Any]) -> dict[str, Any]:
    """A column of the Unity Catalog API as a field of a Delta schema, its comment included."""
    spelled = column.get("type_json")
    kind: Any = None
    if spelled:
        try:
            kind = json.loads(spelled)
        except json.JSONDecodeError:
            kind = spelled if spelled in _TEXT_TO_JSON.values() else None
        if isinstance(kind, dict) and "name" in kind:
            kind = kind["type"]
    if kind is None:
        kind = parse_type(str(column.get("type_text") or column.get("type_name") or ""))
    comment = column.get("comment")
    return {
        "name": column["name"],
        "type": kind,
        "nullable": column.get("nullable", True) is not False,
        "metadata": {"comment": comment} if comment else {},
    }


def column_of(field: dict[str, Any], position: int, partition_by: list[str]) -> dict[str, Any]:
    """A field of a Delta schema as a column of the Unity Catalog API."""
    column: dict[str, Any] = {
        "name": field["name"],
        "type_text": type_text(field["type"]),
        "type_name": type_name(field["type"]),
        "type_json": json.dumps(field, separators=(",", ":")),
        "position": position,
        "nullable": field.get("nullable", True),
    }
    if field.get("metadata", {}).get("comment"):
        column["comment"] = field["metadata"]["comment"]
    if isinstance(field["type"], str) and field["type"].startswith("decimal"):
        precision, _, scale = field["type"][8:-1].partition(",")
        column |= {"type_precision": int(precision), "type_scale": int(scale)}
    if field["name"] in partition_by:
        column["partition_index"] = partition_by.index(field["name"])
    return column
