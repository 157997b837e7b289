"""The Pulumi program: read the stack file, deploy what it describes, export what others need to know."""

import pulumi

from stacks.load import load
from stacks.outputs import as_exports
from stacks.platform import connect, deploy

stack = load()
outputs = deploy(stack.config, connect(stack.config))
for name, value in as_exports(outputs).items():
    pulumi.export(name, value)
