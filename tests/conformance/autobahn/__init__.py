"""The Autobahn test suite against rawws, in both roles: `python -m tests.conformance.autobahn`.

`environment` finds or makes a Python 2.7 with the suite in it, `roles` runs the suite against
our server and our client, `report` says what it found.
"""
