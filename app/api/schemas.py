"""JSON Schema out of TypedDicts, and checking a value against it.

The very schema that stands in the OpenAPI document is the one that requests are checked with.
`Annotated[str, {"maxLength": 200}]` adds keywords to a type.
"""

from __future__ import annotations

import difflib
import re
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema = dict[str, Any]
Errors = dict[str, list[str]]

SIMPLE: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}
#: In words for the person who wrote the request.
WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
#: Larger numbers are not kept exactly by every JSON reader, and no id gets there.
LARGEST = 2**53 - 1
#: Neither PostgreSQL nor a mail can hold these: half a surrogate pair, and the null character.
UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")


def schema_of(shape: Any) -> Schema:
    """The JSON Schema of a type; TypedDicts become references to `#/components/schemas`."""
    if is_typeddict(shape):
        return {"$ref": f"#/components/schemas/{shape.__name__}"}
    if hasattr(shape, "__metadata__"):
        return _with_keywords(schema_of(shape.__origin__), shape.__metadata__)
    origin, args = get_origin(shape), get_args(shape)
    if origin is None and shape in SIMPLE:
        return dict(SIMPLE[shape])
    if origin in (Required, NotRequired):
        return schema_of(args[0])
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin is list:
        return {"type": "array", "items": schema_of(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(args[1])}
    if origin in (Union, UnionType):
        return _either([schema_of(arg) for arg in args])
    raise TypeError(f"No JSON Schema for {shape!r}")


def _with_keywords(schema: Schema, metadata: tuple[Any, ...]) -> Schema:
    for keywords in metadata:
        schema.update(keywords)
    return schema


def _either(parts: list[Schema]) -> Schema:
    if all(set(part) == {"type"} for part in parts):
        return {"type": [part["type"] for part in parts]}
    return {"anyOf": parts}


def object_schema(shape: Any) -> Schema:
    """The schema of a TypedDict itself."""
    hints = get_type_hints(shape, include_extras=True)
    schema: Schema = {
        "type": "object",
        "properties": {name: schema_of(hint) for name, hint in hints.items()},
        "additionalProperties": False,
    }
    if required := sorted(shape.__required_keys__):
        schema["required"] = required
    if shape.__doc__ and not shape.__doc__.startswith("dict("):
        schema["description"] = " ".join(shape.__doc__.split())
    return schema


def components(shapes: list[Any]) -> dict[str, Schema]:
    """The schemas of these TypedDicts and of all that they hold, by name."""
    found: dict[str, Schema] = {}
    waiting = list(shapes)
    while waiting:
        shape = waiting.pop()
        if is_typeddict(shape):
            if shape.__name__ not in found:
                found[shape.__name__] = object_schema(shape)
                waiting += get_type_hints(shape, include_extras=True).values()
        else:
            waiting += [arg for arg in get_args(shape) if not isinstance(arg, str | dict)]
    return dict(sorted(found.items()))


def check(value: Any, schema: Schema, known: dict[str, Schema]) -> Errors:
    """What is wrong with an object, by field; empty when nothing is."""
    errors: Errors = {}
    for path, message in _faults(value, schema, known, ()):
        field = str(path[0]) if path else ""
        where = "".join(f" {_place(step)}" for step in path[1:])
        text = f"In{where}: {message}" if where else message
        errors.setdefault(field, []).append(text)
    return errors


Path = tuple[str | int, ...]
Faults = list[tuple[Path, str]]


def _place(step: str | int) -> str:
    return f"entry {step + 1}" if isinstance(step, int) else step


def _faults(value: Any, schema: Schema, known: dict[str, Schema], path: Path) -> Faults:
    if reference := schema.get("$ref"):
        schema = known[reference.rsplit("/", 1)[1]]
    if options := schema.get("anyOf"):
        each = [_faults(value, option, known, path) for option in options]
        return [] if not all(each) else each[0]
    if wrong := _wrong_type(value, schema):
        return [(path, wrong)]
    if isinstance(value, str):
        return [(path, message) for message in _text_faults(value, schema)]
    if isinstance(value, dict):
        return _object_faults(value, schema, known, path)
    if isinstance(value, list):
        return _array_faults(value, schema, known, path)
    return [(path, message) for message in _number_faults(value, schema)]


def _wrong_type(value: Any, schema: Schema) -> str:
    wanted = schema.get("type")
    if wanted is None:
        return ""
    types = wanted if isinstance(wanted, list) else [wanted]
    if _type_name(value) in types or (_type_name(value) == "integer" and "number" in types):
        return ""
    return f"This must be {' or '.join(WORDS[name] for name in types)}."


def _type_name(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"),
                       (list, "array"), (dict, "object")):  # fmt: skip
        if isinstance(value, kind):
            return name
    return "null"


def _text_faults(value: str, schema: Schema) -> list[str]:
    if UNWRITABLE.search(value):
        return ["This holds a character that cannot be stored."]
    if "enum" in schema and value not in schema["enum"]:
        return [f"Choose one of: {', '.join(schema['enum'])}."]
    if len(value) > schema.get("maxLength", len(value)):
        return [f"This is longer than {schema['maxLength']} characters."]
    if len(value.strip()) < (least := schema.get("minLength", 0)):
        short = f"This is shorter than {least} characters."
        return [short if value.strip() else "This must not be empty."]
    if schema.get("format") == "date-time" and not _is_moment(value):
        return ["Write a time with its zone, such as 2030-05-01T09:00:00+02:00."]
    return []


def _is_moment(value: str) -> bool:
    if not DATE_TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


def _number_faults(value: Any, schema: Schema) -> list[str]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return []
    if value < schema.get("minimum", -LARGEST):
        return [f"This must be at least {schema.get('minimum', -LARGEST)}."]
    if value > schema.get("maximum", LARGEST):
        return [f"This must be at most {schema.get('maximum', LARGEST)}."]
    return []


def _array_faults(value: list[Any], schema: Schema, known: dict[str, Schema], path: Path) -> Faults:
    if len(value) > schema.get("maxItems", len(value)):
        return [(path, f"This holds more than {schema['maxItems']} entries.")]
    if len(value) < schema.get("minItems", 0):
        return [(path, f"This must hold at least {schema['minItems']}.")]
    items = schema.get("items", {})
    return [
        fault
        for place, item in enumerate(value)
        for fault in _faults(item, items, known, (*path, place))
    ]


def _object_faults(
    value: dict[str, Any], schema: Schema, known: dict[str, Schema], path: Path
) -> Faults:
    faults: Faults = []
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, item in value.items():
        if UNWRITABLE.search(name):
            faults.append((path, "A name holds a character that cannot be stored."))
        elif name in properties:
            faults += _faults(item, properties[name], known, (*path, name))
        elif rest is False:
            faults.append(((*path, name), _unknown(name, properties)))
        else:
            faults += _faults(item, rest, known, (*path, name))
    faults += [
        ((*path, name), "This is needed.")
        for name in schema.get("required", ())
        if name not in value
    ]
    return faults


def _unknown(name: str, properties: dict[str, Schema]) -> str:
    near = difflib.get_close_matches(name, properties, n=1)
    return "There is no such field here." + (f" Did you mean {near[0]}?" if near else "")
