"""The Crossfade command line, one module a command."""
