"""`crossfade env`: the shell exports that Pulumi and kubectl need here, printed and written to .crossfade/env."""

import shlex

from crossfade import workspace
from crossfade.console import note


def env() -> None:
    """Print shell exports and write them to .crossfade/env; makes the passphrase and the state folder once."""
    place = workspace.find()
    place.prepare()
    print(write(place), end="")
    tools = place.tool_path()
    if tools.official:
        note(f"Pulumi: {tools.official}, found on your PATH; the project's own build comes after it.")
    elif (place.bin / "pulumi").is_file():
        note(f"Pulumi: the project's own build, {place.bin / 'pulumi'}; no other is on your PATH.")
    else:
        note(f"Pulumi: none yet, neither on your PATH nor in {place.bin}. `make demo` builds it.")


def write(place: workspace.Workspace) -> str:
    """Write .crossfade/env and return its text."""
    text = exports(place)
    target = place.home / "env"
    temporary = target.with_name("env.new")
    temporary.write_text(text)
    temporary.replace(target)
    return text


def exports(place: workspace.Workspace) -> str:
    """Return the lines to source. PATH keeps what the sourcing shell has at that time."""
    tools = place.tool_path()
    before = "".join(f"{shlex.quote(folder)}:" for folder in tools.before)
    after = "".join(f":{shlex.quote(folder)}" for folder in tools.after)
    lines = [f'export PATH={before}"$PATH"{after}', "unset PULUMI_CONFIG_PASSPHRASE"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in place.variables().items()]
    return "\n".join(lines) + "\n"
