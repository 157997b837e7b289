"""The errors a user can meet, and the exit codes they end in.

Every one carries a message that says what is wrong, where, why and how to mend it. `crossfade.cli.main` prints it and
exits; nothing here prints or exits.

Exit codes: 0 done · 1 the work itself failed · 2 wrong usage or input · 3 something the machine lacks ·
4 refused, because it would overwrite · 5 a server could not be reached or answered with an error · 130 Ctrl-C.
"""


class CrossfadeError(Exception):
    """The work itself failed (exit code 1). `message` is the whole text a user sees."""

    exit_code = 1

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if exit_code is not None:
            self.exit_code = exit_code


class InputError(CrossfadeError):
    """Wrong usage or input: an argument, a file's content, a key of the stack file (exit code 2)."""

    exit_code = 2


class MissingToolError(CrossfadeError):
    """A program or file that the work needs is not on this machine (exit code 3)."""

    exit_code = 3


class RefusedError(CrossfadeError):
    """Doing it would overwrite what must not change (exit code 4)."""

    exit_code = 4


class ServerError(CrossfadeError):
    """A server could not be reached, or answered with an error (exit code 5).

    `code` is the gRPC status name (`NOT_FOUND`) or `HTTP <status>`; empty when no answer came at all.
    """

    exit_code = 5

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
