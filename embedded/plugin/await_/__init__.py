"""Waiting until an object works: one pure verdict function for each kind, one loop for all."""
