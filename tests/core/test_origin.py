"""Origin and Host: which pages may connect, and under which names [RFC 6455 10.2]."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.core.http import Headers, Request
from rawws.core.origin import (
    SAME_ORIGIN,
    check_hosts,
    check_origins,
    host_allowed,
    origin_allowed,
)


def request(*, host: str | None = "example.com", origin: str | None = None) -> Request:
    lines = [("Host", host), ("Origin", origin)]
    return Request(
        "GET", "/", Headers([(name, value) for name, value in lines if value is not None])
    )


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("example.com", "http://example.com"),
        ("example.com", "https://example.com"),
        ("EXAMPLE.com", "HTTP://example.COM"),
        ("example.com:80", "http://example.com"),
        ("example.com:443", "https://example.com"),
        ("example.com", "https://example.com:443"),
        ("example.com:8000", "http://example.com:8000"),
        ("example.com", "wss://example.com"),
        ("[::1]:8000", "http://[0::1]:8000"),
        ("example.com", None),
        (None, None),
    ],
)
def test_same_origin_is_allowed(host: str | None, origin: str | None) -> None:
    assert origin_allowed(request(host=host, origin=origin), SAME_ORIGIN)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("example.com", "http://evil.example"),
        ("example.com", "http://example.com.evil.example"),
        ("example.com", "http://example.com:8000"),
        ("example.com:8000", "http://example.com"),
        ("example.com:443", "http://example.com"),
        ("example.com", "null"),
        ("example.com", ""),
        ("example.com", "example.com"),
        ("example.com", "http:example.com"),
        ("example.com", "http"),
        ("example.com", "http://"),
        ("example.com", "http://example.com/"),
        ("example.com", "http://evil@example.com"),
        ("example.com", "http://example.com http://example.com"),
        ("example.com", "file://example.com"),
        ("example.com", "chrome-extension://example.com"),
        ("example.com", "http://\xff"),
        ("\xff", "http://\xff"),
        ("", "http://"),
        (None, "http://example.com"),
    ],
)
def test_foreign_or_malformed_origin_is_not_same_origin(host: str | None, origin: str) -> None:
    assert not origin_allowed(request(host=host, origin=origin), SAME_ORIGIN)


@pytest.mark.parametrize("origins", [SAME_ORIGIN, ["http://example.com"]])
def test_several_origins_are_not_allowed(origins: Iterable[str]) -> None:
    lines = [("Host", "example.com"), *[("Origin", "http://example.com")] * 2]
    assert not origin_allowed(Request("GET", "/", Headers(lines)), origins)


def test_origin_is_not_same_when_there_are_several_hosts() -> None:
    lines = [*[("Host", "example.com")] * 2, ("Origin", "http://example.com")]
    assert not origin_allowed(Request("GET", "/", Headers(lines)), SAME_ORIGIN)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.example", True),
        ("https://A.example", False),
        ("https://a.example:443", False),
        ("https://x.b.example", True),
        ("https://x.b.example.evil", False),
        ("evil https://x.b.example", False),
        ("http://example.com", False),
        ("null", False),
        (None, True),
    ],
)
def test_listed_origins_are_allowed_exactly_or_by_full_match(
    origin: str | None, allowed: bool
) -> None:
    origins = ["https://a.example", re.compile(r"https://\w+\.b\.example")]
    assert origin_allowed(request(origin=origin), origins) is allowed
    assert origin_allowed(request(origin=origin), check_origins(origins)) is allowed


def test_no_origin_is_allowed_by_an_empty_list_and_any_by_none() -> None:
    assert origin_allowed(request(), [])
    assert not origin_allowed(request(origin="http://example.com"), [])
    assert origin_allowed(request(origin="null"), None)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("[::1]:8000", True),
        ("[0::1]", True),
        ("example.com", False),
        ("localhost.", False),
        ("::1", False),
        ("\xff", False),
        ("", False),
        (None, False),
    ],
)
def test_host_is_looked_up_without_case_and_port(host: str | None, allowed: bool) -> None:
    for hosts in (
        ["Localhost", "::1"],
        ["localhost", "[::1]"],
        check_hosts(["LOCALHOST", "[::1]"]),
    ):
        assert host_allowed(request(host=host), hosts) is allowed
    assert host_allowed(request(host=host), None)


def test_several_hosts_are_not_allowed() -> None:
    lines = [("Host", "localhost"), ("Host", "localhost")]
    assert not host_allowed(Request("GET", "/", Headers(lines)), ["localhost"])


@given(host=st.text(), origin=st.text(), scheme=st.sampled_from(["", "http://", "https://"]))
def test_nothing_in_origin_or_host_raises(host: str, origin: str, scheme: str) -> None:
    asked = request(host=host, origin=scheme + origin)
    origin_allowed(asked, SAME_ORIGIN)
    origin_allowed(asked, ["http://example.com", re.compile("x")])
    assert not host_allowed(asked, [])


def test_checked_origins_are_what_was_given() -> None:
    pattern = re.compile("https://.*")
    entries = ["null", "http://localhost:8000", "chrome-extension://abc", "http://[::1]", pattern]
    assert check_origins(iter(entries)) == tuple(entries)
    assert check_origins(SAME_ORIGIN) is SAME_ORIGIN
    assert check_origins(None) is None


@pytest.mark.parametrize("origins", ["https://a.example", b"x", 5, [5], [b"x"], [re.compile(b"x")]])
def test_origins_of_a_wrong_type_are_named(origins: object) -> None:
    with pytest.raises(TypeError, match=r"^origins ") as caught:
        check_origins(origins)  # type: ignore[arg-type]
    assert repr(origins[0] if isinstance(origins, list) else origins) in str(caught.value)


@pytest.mark.parametrize(
    "origin",
    ["*", "", "example.com", "https://a.example/", "HTTPS://a.example", "https://A.example"],
)
def test_origin_that_no_browser_sends_is_a_value_error(origin: str) -> None:
    with pytest.raises(ValueError, match=r"^origins: ") as caught:
        check_origins([origin])
    assert repr(origin) in str(caught.value)


def test_checked_hosts_are_in_normal_form() -> None:
    assert check_hosts(["Example.COM", "[0::1]", "bücher.example"]) == (
        "example.com",
        "::1",
        "xn--bcher-kva.example",
    )
    assert check_hosts(()) == ()
    assert check_hosts(None) is None


@pytest.mark.parametrize("hosts", ["localhost", b"x", 5, [None]])
def test_hosts_of_a_wrong_type_are_named(hosts: object) -> None:
    with pytest.raises(TypeError, match=r"^hosts "):
        check_hosts(hosts)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["", "localhost:8000", "*", "http://localhost", "a b", "a..b"])
def test_host_that_is_none_is_a_value_error(host: str) -> None:
    with pytest.raises(ValueError, match=r"^hosts: ") as caught:
        check_hosts([host])
    assert repr(host) in str(caught.value)


def test_same_origin_says_its_name() -> None:
    assert repr(SAME_ORIGIN) == "SAME_ORIGIN"
