"""Pulumi component resources, one a file, one fixed shape; beside them the pure functions they place."""
