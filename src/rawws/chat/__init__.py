"""The demo: a chat whose page and WebSocket come from one port.

    rawws-chat --port 8000

It uses the public API of `rawws` only. `names`, `wire`, `rooms` and `pace` are plain data and
rules; `presence`, `session` and `server` are what runs them on Trio; `pages` serves web/.
"""
