"""The one error of the embedded cluster: a message for a person, never a traceback."""


class EmbeddedError(Exception):
    """Something the user can act on. ``str()`` says what, where, why and the fix."""
