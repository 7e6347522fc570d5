"""WebSockets on Trio: sockets, tasks, deadlines around the protocol of `rawws.core`."""
