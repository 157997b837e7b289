"""Which version of a model answers which request: the split, and the routes that carry it out."""
