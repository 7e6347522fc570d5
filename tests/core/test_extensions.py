"""Sec-WebSocket-Extensions: the list's grammar, and what it costs to read [9.1]."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.core.extensions import Parameters, parse_extensions

TOKEN = st.text("!#$%&'*+-.^_`|~019AZaz", min_size=1, max_size=8)
OWS = st.text(" \t", max_size=2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("foo", [("foo", [])]),
        ("foo, bar", [("foo", []), ("bar", [])]),
        ("foo,foo", [("foo", []), ("foo", [])]),
        ("foo; a; b=1", [("foo", [("a", None), ("b", "1")])]),
        ("foo;a=1;a=2", [("foo", [("a", "1"), ("a", "2")])]),
        ("foo;b=2, bar;c", [("foo", [("b", "2")]), ("bar", [("c", None)])]),
        (" \tfoo ; a = 1\t, bar ", [("foo", [("a", "1")]), ("bar", [])]),
        (",foo, ,\t,bar,", [("foo", []), ("bar", [])]),
        ('foo; a="10"', [("foo", [("a", "10")])]),
        ('foo; a= "10" ; b', [("foo", [("a", "10"), ("b", None)])]),
        (r'foo; a="1\0\b"', [("foo", [("a", "10b")])]),
        ("!#$%&'*+-.^_`|~;x=~", [("!#$%&'*+-.^_`|~", [("x", "~")])]),
    ],
)
def test_extensions_and_parameters_are_listed_in_order(
    value: str, expected: list[tuple[str, Parameters]]
) -> None:
    assert parse_extensions(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", ",", " ,\t,", ";", "=", "foo bar", "foo;", "foo;;a", "foo; a=", "foo; =1"),
        *("foo; a=1 2", "foo=1", "foo; a b", "foo, ;a", "foo/1", "foo; a/b", "foo; a=(1)"),
        *("föö", "foo; a=\x80", "foo\n", "foo\n, bar", "\nfoo", "foo; a\x00", "foo; a=\xff"),
    ],
)
def test_malformed_list_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"\[9\.1\]"):
        parse_extensions(value)


@pytest.mark.parametrize(
    "quoted",
    [
        *('""', '"1 0"', '"1', '1"', '"a""b"', '"a"b', r'"\"', r'"a\"', r'"\\"', r'"\""'),
        *('"a,b"', '"a;b"', '"a=b"', '"\\ "', '"\xe9"', r'"a\\b"', "'a b'"),
    ],
)
def test_quoted_value_that_is_no_token_is_refused(quoted: str) -> None:
    with pytest.raises(ValueError, match=r"\[9\.1\]"):
        parse_extensions(f"foo; a={quoted}")


@pytest.mark.parametrize("quoted", ['"a, bar; b"', '"a, bar; b=1, baz'])
def test_hazard_8_comma_in_a_quoted_string_separates_nothing(quoted: str) -> None:
    with pytest.raises(ValueError, match="malformed extension at character 6 of the header"):
        parse_extensions(f"foo; a={quoted}")


@given(data=st.data())
def test_what_was_written_is_read(data: st.DataObject) -> None:
    wanted = data.draw(
        st.lists(
            st.tuples(TOKEN, st.lists(st.tuples(TOKEN, st.none() | TOKEN), max_size=4)),
            min_size=1,
            max_size=4,
        )
    )

    def ows() -> str:
        return data.draw(OWS)

    def written(value: str) -> str:
        if data.draw(st.booleans()):
            return value
        escaped = "".join(c if data.draw(st.booleans()) else f"\\{c}" for c in value)
        return f'"{escaped}"'

    elements = []
    for name, parameters in wanted:
        element = ows() + name + ows()
        for key, value in parameters:
            element += f";{ows()}{key}{ows()}"
            if value is not None:
                element += f"={ows()}{written(value)}{ows()}"
        elements.append(element)
    assert parse_extensions(",".join(elements)) == wanted


@given(st.text(st.sampled_from('ab1;,="\\ \t\x00\xff') | st.characters(), max_size=40))
def test_no_other_error_than_value_error_escapes(value: str) -> None:
    try:
        extensions = parse_extensions(value)
    except ValueError:
        return
    assert extensions


def seconds(value: str) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        try:
            parse_extensions(value)
        except ValueError:
            pass
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize(
    ("start", "repeated", "end"),
    [
        ("", " ", "("),
        ("", ",", "("),
        ("a", " ", "("),
        ("", "a", "("),
        ("a;b", " ", "("),
        ("a;b=", " ", "("),
        ("a;b=", "c", "("),
        ('a;b="', "c", ""),
        ('a;b="', "\\c", "("),
        ('a;b="', "\\", ""),
        ("a", ";b", "("),
        ("a", ";b=1 ", "("),
        ("a", ";b ", '="'),
        ("", "a,", "("),
        ("", " ,", ""),
    ],
)
def test_time_is_in_proportion_to_length(start: str, repeated: str, end: str) -> None:
    small = start + repeated * 10_000 + end
    large = start + repeated * 80_000 + end
    # 64 times would be quadratic.
    assert seconds(large) < 50 * max(seconds(small), 1e-4)
