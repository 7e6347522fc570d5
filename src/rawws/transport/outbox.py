"""All that leaves a connection leaves through here: in order, whole, and bounded.

With nothing queued, a frame is one non-blocking system call. In a burst several frames share
one: `put_soon` lets a frame wait for the next, until the next `put` or others' turn to run, and
no longer. What the kernel does not take is left to a drain task, which lives where no user's
cancellation reaches it, so that a frame that has begun is finished. The drain task is started
when needed and gone when all is written.

Who wants to send waits for room *before* anything is encoded, first come, first served.
There is room while fewer than `limit` bytes wait, so an empty outbox takes a message of any
size, and no more than `limit` and one message are ever held. Control frames do not wait;
what is `urgent` when the frames before it are written goes ahead of what is queued.

A message that is sent in fragments reserves the outbox until it is whole: other messages
wait, control frames may come between [5.4].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from sys import maxsize

import trio

from .streams import ByteStream, StartTask

BATCH = 65536  # bytes of waiting frames that are written together


class Outbox:
    """What one connection has to write.

    Attributes:
        size: bytes that wait to be written.
        stuck_since: when (Trio's clock, seconds) the peer last took something, `None` while
            it is not waited for.
        failure: why nothing can be written any more.
        free: whether no other message stands in a message's way.
        limit: bytes from which on messages wait for room.
    """

    __slots__ = (
        "_burst",
        "_deferred",
        "_ends",
        "_handed_over",
        "_head",
        "_line",
        "_queue",
        "_refuses",
        "_reserved",
        "_soon",
        "_space",
        "_start_task",
        "_stream",
        "_urgent",
        "failure",
        "free",
        "limit",
        "size",
        "stuck_since",
    )

    def __init__(
        self,
        stream: ByteStream,
        limit: int | None,
        start_task: StartTask,
        soon: Callable[[Callable[[], None]], None],
        urgent: Callable[[], bytes] = bytes,
    ) -> None:
        self._stream = stream
        self._urgent = urgent
        self.limit = maxsize if limit is None else limit
        self._burst = min(BATCH, self.limit - 1)  # `put_soon` never takes all the room
        self._start_task = start_task
        self._soon = soon
        self._head: memoryview | None = None  # sealed, and written in part
        self._queue: deque[bytes] | None = None  # whole frames behind it, not sealed yet
        self._line: trio.lowlevel.ParkingLot | None = None  # senders that wait for room
        self._handed_over = False  # room was given to one who has not run yet
        self._reserved = False
        self._refuses = False  # no message may follow
        self.free = True
        self._space: trio.Event | None = None  # what the one who reserved waits for
        self._deferred: list[bytes] | None = None  # messages that came while it was reserved
        self._ends = False  # end the stream's writing side once all is written
        self.size = 0
        self.stuck_since: float | None = None
        self.failure: Exception | None = None

    @property
    def has_space(self) -> bool:
        """Whether less than the limit waits to be written."""
        return self.size < self.limit

    @property
    def has_room(self) -> bool:
        """Whether a message may be put in now, and nobody waits to be first."""
        return self.free and self.size < self.limit

    async def wait_room(self) -> None:
        """Wait in line until there is room, or until there never will be.

        The caller puts its message in, or calls `pass_on`, before it awaits again.
        Cancelled: the place in line is given up.
        """
        if self._line is None:
            self._line = trio.lowlevel.ParkingLot()
        self.free = False
        try:
            await self._line.park()
            self._handed_over = False
        finally:
            self._settle()

    def pass_on(self) -> None:
        """Give what room there is to the next in line."""
        if self._space is not None:
            if not self._is_jammed:
                self._space.set()
        elif self.failure is not None or not self.has_space:
            return
        elif self._line and not self._handed_over and not self._reserved:
            self._handed_over = True
            self.free = False
            self._line.unpark()

    def reserve(self) -> None:
        """Keep other messages out until `release`; for who may put in a message now."""
        self._reserved = True
        self.free = False

    def release(self, *, keep: bool) -> None:
        """The fragmented message is whole, or never will be.

        Args:
            keep: whether what came meanwhile is sent. Behind a Close nothing may be [5.5.1].
        """
        self._reserved = False
        for frames in self._deferred or ():
            if self.failure is None:
                self.size -= len(frames)
                if keep:
                    self.put(frames)
        self._deferred = None
        self._settle()
        self.pass_on()

    async def wait_space(self) -> None:
        """For who has reserved: wait until less than the limit waits to be written, or `refuse`.

        What was deferred is not waited for; it waits for `release`.

        Cancelled: nothing happened.
        """
        while self._is_jammed and not self._refuses:
            self._space = trio.Event()
            try:
                await self._space.wait()
            finally:
                self._space = None

    @property
    def _is_jammed(self) -> bool:
        return self._head is not None and not self.has_space

    def put_message(self, frames: bytes) -> None:
        """Like `put`, but not between the fragments of another message."""
        if self._reserved and self.failure is None:
            if self._deferred is None:
                self._deferred = []
            self._deferred.append(frames)
            self.size += len(frames)
        else:
            self.put(frames)

    def put(self, frames: bytes) -> None:
        """Write whole frames, now or later; without effect once the stream has failed."""
        if self._head is None and self.failure is None and not self._queue:
            self._begin(frames)
            if self._head is not None:
                self._start_task(self._drain)
        elif self.failure is None:
            self._enqueue(frames)
            self.flush()
        if self._line or self._space is not None:
            self.pass_on()

    def put_soon(self, frames: bytes) -> None:
        """Like `put`, for who is about to put in more: written with that, or else soon."""
        if (
            self._head is not None
            or self.failure is not None
            or self.size + len(frames) > self._burst
        ):
            self.put(frames)
        else:
            if not self._queue:
                self._soon(self.flush)
            self._enqueue(frames)

    def flush(self) -> None:
        """Write now what `put_soon` has left waiting."""
        if self._head is None and self._queue:
            self._refill()
            if self._head is not None:
                self._start_task(self._drain)
            self.pass_on()

    def _enqueue(self, frames: bytes) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(frames)
        self.size += len(frames)

    def drop_waiting(self) -> None:
        """Drop the frames that have not begun to be written."""
        for waiting in (self._queue, self._deferred):
            if waiting:
                self.size -= sum(map(len, waiting))
                waiting.clear()

    def refuse(self) -> None:
        """No message may follow what is in here: let go of who waits to put one in."""
        self._refuses = True
        self.free = False
        if self._line is not None:
            self._line.unpark_all()
        if self._space is not None:
            self._space.set()

    def end(self) -> None:
        """End the stream's writing side once all is written."""
        self._ends = True
        self.flush()
        if self._head is None and self.failure is None:
            self._stream.send_eof()

    def fail(self, error: Exception) -> None:
        """Nothing can be written any more: let go of all that waits, and of who waits."""
        if self.failure is None:
            self.failure = error
            self._head = self._queue = self._deferred = self.stuck_since = None
            self.size = 0
            self.refuse()

    def _settle(self) -> None:
        self.free = not (self._reserved or self._handed_over or self._refuses or self._line)

    def _begin(self, frames: bytes) -> None:
        """Write `frames` as far as goes at once; the rest becomes the head."""
        try:
            sealed = self._stream.seal(frames)
            sent = self._stream.send_nowait(sealed)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.fail(error)
            return
        if sent < len(sealed):
            self._head = memoryview(sealed)[sent:]
            self.size += len(self._head)
            self.stuck_since = trio.current_time()

    async def _drain(self) -> None:
        while (head := self._head) is not None:
            try:
                sent = await self._stream.send_some(head)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self.fail(error)
                return
            if self.failure is not None:
                return
            self.size -= sent
            self.stuck_since = trio.current_time()
            self._head = head[sent:] or None
            self._refill()
            self.pass_on()
        if self._ends and self.failure is None:
            self._stream.send_eof()

    def _refill(self) -> None:
        """Begin the next frames once those before them are written."""
        while self._head is None and self.failure is None:
            frames = [self._urgent()]
            length = 0
            while self._queue and length < BATCH:
                frames.append(self._queue.popleft())
                length += len(frames[-1])
            if not any(frames):
                break
            self.size -= length
            self._begin(b"".join(frames))
        if self._head is None:
            self.stuck_since = self._queue = None
