"""Clients to measure, each a process of its own that prints how many messages a second it had
echoed.
"""
