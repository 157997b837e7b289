"""The table of keys in docs/stack-file.md, made from the models so that the two cannot differ.

`python -m stacks.reference` writes it anew; a test compares.
"""

from pathlib import Path
from typing import Final

import yaml

from stacks.config import StackConfig
from stacks.config.schema import Key, as_written, keys_of

BEGIN: Final = "<!-- keys: written by `python -m stacks.reference` -->"
END: Final = "<!-- end of keys -->"
DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "stack-file.md"


def render_keys() -> str:
    """Return a Markdown table for each section, one row a key."""
    tables: list[str] = []
    for key in keys_of(StackConfig):
        if "." not in key.path:
            need = "Required." if key.required else "May be left out."
            tables.append(f"\n### `crossfade:{key.path}`\n\n{key.description} {need}\n")
            tables.append("| key | type | default | meaning |\n|---|---|---|---|")
        else:
            tables.append(_row(key))
    return "\n".join(tables) + "\n"


def _row(key: Key) -> str:
    path = key.path.partition(".")[2]
    return f"| `{path}` | {key.type} | {_default(key)} | {key.description} |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    written = as_written(key.default)
    if written is None or written == {}:
        return ""
    text = yaml.safe_dump(written, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()
    return f"`{text}`"


def fill(document: str) -> str:
    """Return the document with its table written anew. Raises ValueError when a marker is missing."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n{render_keys()}\n{END}{tail}"


if __name__ == "__main__":
    DOCUMENT.write_text(fill(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
