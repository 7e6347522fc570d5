"""Measurements: `make bench`, or a module of this package by name."""
