"""The stack file as the demo needs it: its salt, and a copy without models for the platform's own first `pulumi up`.

Pulumi writes `encryptionsalt` into the stack file; it fits one passphrase only.
"""

from pathlib import Path
from typing import Any

import yaml

from crossfade import workspace
from crossfade.errors import CrossfadeError, InputError
from crossfade.stack import PROJECT

SALT = "encryptionsalt"


def read(path: Path) -> dict[str, Any]:
    """Return the stack file as a mapping. Raises InputError where it is none."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read as a stack file: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise InputError(f"{path} is not a stack file: it has no `config:` block.")
    return document


def settle_salt(place: workspace.Workspace, stack: str, *, new_passphrase: bool) -> bool:
    """Remove a salt that fits no passphrase any more. Return whether one was removed.

    It happens after `.crossfade/` was deleted, or where a stack file with a salt came from another machine. Nothing may
    be encrypted with it: raises CrossfadeError, with the two ways out, where the file holds secrets or state exists.
    """
    path = place.stack_file(stack)
    document = read(path)
    if not new_passphrase or SALT not in document:
        return False
    state = next(place.state.glob(f".pulumi/stacks/**/{stack}.json"), None)
    if state is not None or _has_secret(document["config"]):
        place.passphrase.unlink()  # the new one fits nothing: the next run must come here again
        what = f"the state {state}" if state is not None else "its secrets"
        raise CrossfadeError(
            f"{path} was encrypted with a passphrase that is not here: "
            f"{place.passphrase} is missing, and {what} needs it.\n"
            f"Put the passphrase back into {place.passphrase} (mode 0600). Where it is lost for good: "
            f"`crossfade cluster down`, then remove {place.state}, the line `{SALT}:` and the `secure:` values."
        )
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"{SALT}:")))
    return True


def _has_secret(value: Any) -> bool:  # noqa: ANN401 - any YAML
    if isinstance(value, dict):
        return "secure" in value or any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)


def without_models(source: Path, target: Path) -> None:
    """Write the stack file `source` to `target` without its models, its salt kept: both must fit the one passphrase."""
    document = read(source)
    document["config"].pop(f"{PROJECT}:models", None)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump(document, sort_keys=False))


def keep_salt(source: Path, target: Path) -> None:
    """Add to `target` the salt that Pulumi wrote into `source`, where `target` has none."""
    salt = read(source).get(SALT)
    if salt and SALT not in read(target):
        text = target.read_text()
        target.write_text(f"{text}{'' if text.endswith(chr(10)) else chr(10)}{SALT}: {salt}\n")
