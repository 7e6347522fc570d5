"""The command `rawws`."""

from .command import main

__all__ = ["main"]
