"""The servers of each version of a model, and their settings."""
