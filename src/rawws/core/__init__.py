"""The protocol without IO: bytes go in, events and bytes come out.

Nothing here knows sockets, tasks, clocks or logs. `ClientProtocol` and `ServerProtocol`
(module `protocol`) are the way in; the modules below them each hold one idea and import
only what stands before them in this list: errors, record, http, close, limits, events,
url, origin, masking, deflate, frames, handshake, protocol.
"""
