"""Servers to measure, each a process of its own that prints its port when it listens."""
