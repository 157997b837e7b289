"""A stand-in for TensorFlow Serving, for machines that cannot have its binary.

It speaks TensorFlow Serving's gRPC and REST interfaces, takes its flags and runs real SavedModels in the real
TensorFlow runtime. It is not TensorFlow Serving and says so wherever a user meets it: `--version`, the first log
line, the `Server` header, refused flags. README.md in this folder lists what is implemented and what differs. Error
codes and texts follow TensorFlow Serving 2.x, so that clients and alerts written against one work against the other.
"""

STAND_IN = "stand-in for TensorFlow Serving"
"""How the server names itself."""

API_VERSION = "2.21.0"
"""The TensorFlow Serving release whose interface is followed."""
