"""SHA256SUMS of a folder, in sha256sum's format with relative paths.

It is written last and so marks a folder (or a published version) as complete.
"""

import hashlib
from pathlib import Path

from crossfade.errors import InputError

NAME = "SHA256SUMS"


def sha256(path: Path) -> str:
    """Return the file's SHA-256, in hex; read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_folder(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256 of every regular file below `folder`, sorted, without SHA256SUMS itself.

    Raises InputError for a link or a name that sha256sum's format or an object key cannot carry.
    """
    sums: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link: a version holds plain files. Copy the file in its place.")
        if not path.is_file() or name == NAME:
            continue
        if any(character in name for character in "\n\r\\"):
            raise InputError(f"the file name {name!r} in {folder} holds a line break or a backslash: rename it.")
        sums[name] = sha256(path)
    return sums


def render(sums: dict[str, str]) -> bytes:
    """Return the text of SHA256SUMS."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


def parse(text: str, source: str) -> dict[str, str]:
    """Read what `render` wrote. Raises InputError, naming `source`, on any other line."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or set(digest) - set("0123456789abcdef") or not name:
            raise InputError(f"{source} is not in sha256sum's format: {line[:80]!r}")
        sums[name] = digest
    return sums


def verify(folder: Path) -> dict[str, str]:
    """Return the folder's sums, checked against its own SHA256SUMS where it has one.

    Raises InputError naming the files that differ, lack or are too many.
    """
    found = of_folder(folder)
    marker = folder / NAME
    if marker.is_file():
        expected = parse(marker.read_text(), str(marker))
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        if wrong:
            raise InputError(
                f"{folder} does not match its own {NAME}: {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}.\n"
                f"The files were changed or damaged later. Make the version again, or remove {marker}."
            )
    return found
