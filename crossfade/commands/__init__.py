"""One module a command: arguments in, text and files out. The work itself lies in the modules they call.

Nothing heavy is imported at the top of these modules, so that `crossfade --help` stays quick.
"""
