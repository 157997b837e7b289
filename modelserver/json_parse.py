"""JSON as TensorFlow Serving's parser, RapidJSON, takes it.

Its texts for mistakes; `NaN` and `Infinity` are allowed; what follows the document is ignored. Parsing is Python's
own C parser; its complaints are translated. Text that is not UTF-8 passes through unchanged, as there.
"""

import base64
import json
import math
import re
from typing import Any

from modelserver.status import ServingError, invalid

_DECODER = json.JSONDecoder(strict=True)
_DEBUG_BYTES = 256


def parse(body: bytes) -> dict[str, Any]:
    """Parse a request body, which must be an object.

    Raises:
        ServingError: INVALID_ARGUMENT, `JSON Parse error: <what> at offset: <byte>`, or that the document is not an
            object.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise _error("The document is empty.", text, len(text))
    try:
        doc, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _translate(error, text) from None
    except RecursionError:
        raise _error("Terminate parsing due to Handler error.", text, 0) from None
    except ValueError:  # an integer of thousands of digits
        raise _error("Number too big to be stored in double.", text, 0) from None
    if not isinstance(doc, dict):
        raise invalid(f"JSON Value: {debug(doc)} Is not object")
    return doc


def _error(what: str, text: str, at: int) -> ServingError:
    offset = len(text[:at].encode("utf-8", "surrogateescape"))
    return invalid(f"JSON Parse error: {what} at offset: {offset}")


def _translate(error: json.JSONDecodeError, text: str) -> ServingError:
    """Give Python's complaint in RapidJSON's words and at its place."""
    said = error.msg
    if said.startswith("Unterminated string"):
        return _error("Missing a closing quotation mark in string.", text, len(text))
    if said.startswith("Expecting property name"):
        return _error("Missing a name for object member.", text, error.pos)
    if said.startswith("Expecting ':'"):
        return _error("Missing a colon after a name of object member.", text, error.pos)
    if said.startswith("Expecting ','"):
        where = "} after an object member" if _inside_object(text[: error.pos]) else "] after an array element"
        return _error(f"Missing a comma or {where}.", text, error.pos)
    if said.startswith("Invalid \\uXXXX"):
        return _error("Incorrect hex digit after \\u escape in string.", text, error.pos)
    if said.startswith("Invalid \\escape"):
        return _error("Invalid escape character in string.", text, error.pos)
    if said.startswith("Invalid control character"):
        return _error("Invalid encoding in string.", text, error.pos)
    return _error("Invalid value.", text, error.pos)


def _inside_object(text: str) -> bool:
    """Tell whether the end of `text` is inside an object rather than an array."""
    stack: list[str] = []
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        if token[0] in "[{":
            stack.append(token[0])
        elif token[0] in "]}" and stack:
            stack.pop()
    return bool(stack) and stack[-1] == "{"


def as_bytes(text: str) -> bytes:
    """Return the bytes that a JSON string stands for.

    Raises:
        ServingError: INVALID_ARGUMENT for half of a surrogate pair, which stands for nothing.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid. at offset: 0") from None


def type_name(value: Any) -> str:  # noqa: ANN401  any JSON value
    """Return RapidJSON's name of a value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    names: list[tuple[type, str]] = [(dict, "Object"), (list, "Array"), (str, "String")]
    return next((name for kind, name in names if isinstance(value, kind)), "Number")


def debug(value: Any) -> str:  # noqa: ANN401
    """Show a value in an error message.

    Indented as RapidJSON's writer does, and stopped at the first token past 256 bytes.
    """
    parts: list[str] = []
    _write(value, parts, 0, [0])
    return "".join(parts).encode("utf-8", "replace").decode()


def _write(value: Any, parts: list[str], depth: int, size: list[int]) -> bool:  # noqa: ANN401
    def put(text: str) -> bool:
        if size[0] >= _DEBUG_BYTES:
            return False
        size[0] += len(text)
        parts.append(text)
        return True

    if isinstance(value, dict):
        for index, (key, item) in enumerate(value.items()):
            lead = "{" if index == 0 else ","
            if not put(f"{lead}\n{'    ' * (depth + 1)}{_scalar(key)}: ") or not _write(item, parts, depth + 1, size):
                return False
        return put("{}") if not value else put(f"\n{'    ' * depth}}}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            if not put("[" if index == 0 else ", ") or not _write(item, parts, depth + 1, size):
                return False
        return put("[]") if not value else put("]")
    return put(_scalar(value))


def _scalar(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return json.dumps(value, ensure_ascii=False)


def encode_b64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()
