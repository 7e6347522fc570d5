"""The engine of one connection: bytes between a stream and a protocol, and deadlines.

**The reader is whoever waits.** No task sits on a connection. `receive`, `ping`,
`wait_closed` and `aclose` all wait by calling `read` in a loop until they have what they
want. One of them at a time holds the reader's role and waits for the socket; the others are
parked, and are woken after every read to look for themselves. Whoever leaves, by
cancellation too, wakes them, and one of them takes over.

**The heartbeat stands in** for an application that waits for nothing: `beat` reads without
blocking, so that pings are answered and a close is noticed. What arrives so waits in a
bounded inbox. When that is full nothing is read any more, TCP holds the peer back, and the
pong deadline does not run, since nobody could see the pong.

**After the end** of the conversation, by Close or violation, input is dropped unparsed until
the stream ends or the close deadline strikes: closing a socket that has unread input resets
the connection, and our Close would be lost.
"""

from __future__ import annotations

import trio

from ..core.close import Close
from ..core.conversation import CLOSED, OPEN, Conversation
from ..core.events import Closed, Event, Message, MessagePart, Ping, Pong
from ..core.limits import Limits
from .deadlines import Deadlines
from .errors import ConnectionClosed, ending
from .home import Home
from .inbox import Inbox
from .outbox import Outbox
from .pings import Pings
from .streams import ByteStream
from .timeouts import Timeouts

_MESSAGES = (Message, MessagePart)

TURN = 1000  # events handled before others get their turn

GOOD_ENDS = (1000, 1001, 1005)


class Connection:
    """One connection, after the handshake.

    Attributes:
        home: where its tasks live.
        outbox: what it has to write.
        pings: those that wait for their pongs.
        protocol: its state.
        quiet: whether `poll` has nothing to give until something happens.
        cause: what broke it, if it is broken.
    """

    __slots__ = (
        "_deadlines",
        "_draining",
        "_dropping",
        "_inbox",
        "_limit",
        "_more",
        "_parked",
        "_reading",
        "_stream",
        "cause",
        "given_up",
        "home",
        "outbox",
        "pings",
        "protocol",
        "quiet",
    )

    def __init__(
        self,
        protocol: Conversation,
        stream: ByteStream,
        home: Home,
        limits: Limits,
        timeouts: Timeouts,
    ) -> None:
        self.protocol = protocol
        self.home = home
        self.outbox = Outbox(
            stream, limits.send_buffer, home.start_task, home.soon, protocol.data_to_send
        )
        self.cause: Exception | None = None
        self.given_up = False  # by this side's `aclose`: nothing more will be asked of it
        self.pings = Pings(timeouts)
        self._stream = stream
        self._limit = limits.receive_buffer
        self._deadlines = Deadlines(timeouts)
        self.quiet = False
        self._reading = False
        self._more = False  # there is more to decode, but it was others' turn
        self._draining = False  # this side says goodbye; users see the end behind what came
        self._dropping = False  # what the peer still sends is for nobody
        self._parked: trio.lowlevel.ParkingLot | None = None
        self._inbox = Inbox()
        self.flush()

    # -- in

    @property
    def full(self) -> bool:
        """Whether so much is left lying that nothing more is read."""
        if self._limit is None or self._dropping or not self._inbox:
            return False  # without an inbox, all that lies there is the beginning of a frame
        size = self._inbox.size + self.protocol.buffered
        return size >= self._limit and self.protocol.state is not CLOSED

    @property
    def closed(self) -> bool:
        """Whether nothing is left of the connection, the socket included."""
        return self._stream.closed

    def poll_data(self) -> str | bytes | None:
        """The next message if it is here, `None` if it is not; raises as `poll` does."""
        if not (self._inbox.size or self._draining or self._dropping):
            reader = self.protocol.reader
            if reader is not None and (data := reader.next_message()) is not None:
                self.quiet = not reader.buffered
                return data
        message = self.poll()
        return None if message is None else message.data

    def poll(self, parts: bool = False) -> Message | MessagePart | None:
        """The next message if it is here, `None` if it is not.

        Raises:
            ConnectionEnded, ConnectionBroken, trio.ClosedResourceError: none will come.
        """
        if self._inbox.size or self._draining or self._dropping:
            return self._poll_inbox()
        protocol = self.protocol
        event = protocol.next_event(parts)
        left = TURN
        while not isinstance(event, _MESSAGES):
            if event is None:
                if protocol.state is CLOSED:
                    raise self.end()
                self.quiet = True
                return None
            self._handle(event)
            left -= 1
            if not left:
                self._more = True
                return None
            event = protocol.next_event(parts)
        self.quiet = not protocol.buffered
        return event

    def _poll_inbox(self) -> Message | MessagePart:
        if self.given_up:
            raise trio.ClosedResourceError("this WebSocket was closed")
        if not self._inbox:
            self.gather()
        if not self._inbox:
            raise self.end()
        self.wake()
        return self._inbox.take()

    def gather(self) -> None:
        """Take note of all that has arrived; messages go to the inbox while it has room.

        Once they are for nobody they are dropped; after the end there is nothing to note.
        """
        for _ in range(TURN):
            if self.full or self.protocol.state is CLOSED:
                return
            event = self.protocol.next_event()
            if event is None:
                return
            if not isinstance(event, _MESSAGES):
                self._handle(event)
            elif not self._dropping:
                self._inbox.put(event)
                self.wake()
        self._more = True

    def skip_message(self) -> None:
        """Drop what is still to come of the message of which parts were taken."""
        if self._inbox:
            self.wake()
            self._inbox.take()
        else:
            self.protocol.skip_message()

    async def read(self) -> None:
        """Wait until something may have changed, reading from the stream if nobody else does.

        Cancelled: nothing happened; the reader's role goes to another who waits.
        """
        if self._more:
            self._more = False
            await trio.lowlevel.checkpoint()
            return
        if self._reading or (not self.quiet and self.full):
            if self._parked is None:
                self._parked = trio.lowlevel.ParkingLot()
            await self._parked.park()
            return
        self._reading = True
        try:
            await self._stream.wait_readable()
        except trio.ClosedResourceError:
            self.quiet = False  # by a deadline, or by another task
            return
        except (trio.BrokenResourceError, OSError) as error:
            self.abort(error, local=False)
            return
        finally:
            self._reading = False
            if self._parked:
                self._parked.unpark_all()
        self.home.rested = True
        self.pull()

    def pull(self) -> None:
        """Read once, without waiting."""
        try:
            data = self._stream.receive_nowait()
        except trio.ClosedResourceError:
            return
        except trio.BrokenResourceError as error:
            self.abort(error, local=False)
            return
        if data is None:
            return
        self.quiet = False
        if self.protocol.state is not CLOSED:
            self.protocol.receive_data(data)
        elif not data:
            self._drop()

    def pull_if_free(self) -> None:
        """Read once, unless a task does that already or too much is left lying."""
        if not self._reading and not self.full:
            self.pull()

    def wake(self) -> None:
        """Let all who wait look for themselves."""
        self.quiet = False
        if self._parked:
            self._parked.unpark_all()

    # -- out

    def flush(self) -> None:
        """Put what the protocol has queued into the outbox."""
        if data := self.protocol.data_to_send():
            self.outbox.put(data)

    def check_open(self, *, sending: bool = True) -> None:
        """Raise what a send, or else a wait for the peer, after the end has to raise."""
        if self.given_up:
            raise trio.ClosedResourceError("this WebSocket was closed")
        if self.protocol.state is not OPEN or (sending and self.outbox.failure is not None):
            raise self.end(sending=sending)

    def say_close(self, code: int | None, reason: str) -> None:
        """Queue a Close frame, if there was none yet, and set its deadline."""
        if self.protocol.state is OPEN:
            self.protocol.close(code, reason)
            self.flush()
            self.outbox.refuse()
            self._deadlines.begin_close()
            if self._reading:
                self._stream.interrupt()
            self.wake()

    def drain(self, code: int, reason: str) -> None:
        """Say goodbye to the peer; users see the end once they have read what was there."""
        self._draining = True
        self.say_close(code, reason)
        self.wake()

    def fail(self, code: int, reason: str) -> None:
        """Close with a code that says what went wrong here; users see a broken connection.

        Where nothing can be sent any more, reading will tell how it ended.
        """
        if self.protocol.state is OPEN and self.outbox.failure is None:
            self.cause = trio.BrokenResourceError(reason)
            self._dropping = True
            self.say_close(code, reason)

    def post(self, frame: bytes) -> None:
        """Send a message that was encoded elsewhere, or close with 1008 who cannot keep up."""
        if self.outbox.has_space:
            self.outbox.put_message(frame)
        else:
            self.outbox.drop_waiting()
            self.fail(1008, "too slow: what was to be sent did not fit the send buffer")

    def give_up(self, code: int | None, reason: str) -> None:
        """This side's users are done: say Close, drop what nobody will receive.

        Raises:
            LocalProtocolError: code or reason may not be sent; nothing happened.
        """
        self.say_close(code, reason)
        self.given_up = self._dropping = True
        self._inbox.clear()
        self.wake()

    def leave(self, code: int) -> None:
        """Send one Close if that goes without waiting, and close."""
        if self._stream.closed:
            return
        self.say_close(code, "")
        self.protocol.lost(local=True)
        self._stream.send_eof()
        self._drop()

    def abort(self, cause: Exception, *, local: bool = True) -> None:
        """Close at once: the connection is broken, by `cause`."""
        if self.cause is None and self.protocol.state is not CLOSED and not self._draining:
            self.cause = cause
        self.gather()
        self.protocol.lost(str(cause), local=local)
        self._drop()

    def end(self, *, sending: bool = False) -> ConnectionClosed:
        """What to raise from a connection that is over."""
        protocol = self.protocol
        received, sent = protocol.close_received, protocol.close_sent
        close = protocol.closed or sent or Close(1006, "", "remote")
        good = self.cause is None and (self._draining or close.code in GOOD_ENDS) and not sending
        return ending(close, received, sent, good, self.cause or self.outbox.failure)

    # -- deadlines

    def beat(self, now: float) -> None:
        """Do what is due; called by the heartbeat, `now` in seconds of Trio's clock."""
        if self._stream.closed:
            return
        missed = self._deadlines.missed(now, self.outbox.stuck_since)
        if missed is not None:
            self.abort(missed)
            return
        if not self._reading:
            if not self._more:
                self.pull_if_free()
            self._more = False
            self.gather()
        if self.outbox.failure is not None:
            self._deadlines.begin_close()  # reading may still tell how it ended
        both_closed = self.protocol.close_received is not None and not self.outbox.size
        if both_closed and not (self.protocol.masks or self._stream.has_halves):
            self._drop()  # nothing else ends such a stream, and a server ends it first [7.1.1]
        elif self.protocol.state is OPEN:
            if self.full:
                self.pings.restart(now)
            if (missed := self.pings.missed(now)) is not None:
                self.abort(missed)
            elif self.pings.is_due(now) and self.outbox.has_space:
                self.ping(int(now * 1e6).to_bytes(8))

    def ping(self, payload: bytes) -> None:
        """Send a Ping and take note of it.

        Raises:
            LocalProtocolError: the payload is too long, or the connection not open.
        """
        self.protocol.send_ping(payload)
        self.pings.sent(payload)
        self.flush()

    # -- inside

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ping):
            if self.outbox.stuck_since is None:  # else it waits in one slot for the outbox
                self.flush()
        elif isinstance(event, Pong):
            if self.pings.answered(event.payload):
                self.wake()
        elif isinstance(event, Closed):
            self._take_close(event)

    def _take_close(self, event: Closed) -> None:
        if self.cause is None:
            self.cause = event.error
        self.flush()
        self._deadlines.begin_close()
        if event.close.code == 1006:
            self._drop()
        else:
            self.outbox.refuse()
            self.outbox.end()
            self.wake()

    def _drop(self) -> None:
        """Close the socket and wake all who wait. What may go out at once goes out before."""
        self.outbox.flush()
        self._stream.close()
        self.outbox.fail(trio.ClosedResourceError("the connection is closed"))
        self.wake()
