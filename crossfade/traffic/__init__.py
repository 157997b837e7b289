"""Closed-loop load with retries off, and what its answers say about the split between versions."""
