"""Sec-WebSocket-Extensions: a list of extensions and their parameters [RFC 6455 9.1].

    extension-list  = 1#extension
    extension       = token *( ";" extension-param )
    extension-param = token [ "=" ( token | quoted-string ) ]

A quoted value must itself be a token once it is unquoted. Empty list elements are passed
over, as every HTTP list demands [RFC 9110 5.6.1.2], but a list of nothing else is malformed.
What an extension's parameters mean is for the extension to say; here they keep their order
and their duplicates.

The patterns are matched at a position, never searched for, and their repetitions are
possessive, so that reading a value takes time in proportion to its length.
"""

from __future__ import annotations

import re

Parameters = list[tuple[str, str | None]]

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_OWS = r"[ \t]*+"
_NAME = re.compile(rf"[ \t,]*+({_TCHAR}++){_OWS}")
_PARAMETER = re.compile(
    rf";{_OWS}({_TCHAR}++){_OWS}"
    rf'(?:={_OWS}(?:({_TCHAR}++)|"((?:\\?+{_TCHAR})++)"){_OWS})?+'
)
_END = re.compile(r",[ \t,]*+|\Z")


def parse_extensions(value: str) -> list[tuple[str, Parameters]]:
    """The extensions named in a header value, in order, each with its parameters.

    Args:
        value: of one header line, or of several joined with ", ".

    Returns:
        Pairs of name and parameters; a parameter is a pair of name and value, `None` for
        one that has no value.

    Raises:
        ValueError: `value` is no extension list.
    """
    extensions: list[tuple[str, Parameters]] = []
    at = 0
    while True:
        name = _NAME.match(value, at)
        if name is None:
            raise ValueError(f"no extension name at character {at} of the header [9.1]")
        at = name.end()
        parameters: Parameters = []
        while parameter := _PARAMETER.match(value, at):
            key, token, quoted = parameter.groups()
            parameters.append((key, token if quoted is None else quoted.replace("\\", "")))
            at = parameter.end()
        extensions.append((name[1], parameters))
        end = _END.match(value, at)
        if end is None:
            raise ValueError(f"malformed extension at character {at} of the header [9.1]")
        at = end.end()
        if at == len(value):
            return extensions
