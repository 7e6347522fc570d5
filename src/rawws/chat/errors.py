"""What a client is told when it asks for something it cannot have."""

from __future__ import annotations


class ChatError(Exception):
    """A refusal that goes back to who asked; the conversation goes on.

    Neither field ever repeats what the client sent.

    Attributes:
        code: for programs, such as "name-taken".
        message: for people, one sentence.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
