"""ws:// and wss:// URLs [RFC 6455 3]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.core.errors import InvalidURL
from rawws.core.url import URL, normalize_host, parse_authority, parse_url


@pytest.mark.parametrize(
    ("text", "url", "host_header"),
    [
        ("ws://example.com", URL(False, "example.com", 80, "/"), "example.com"),
        ("wss://example.com", URL(True, "example.com", 443, "/"), "example.com"),
        ("WSS://EXAMPLE.com/A", URL(True, "example.com", 443, "/A"), "example.com"),
        ("ws://h:443/", URL(False, "h", 443, "/"), "h:443"),
        ("wss://h:80/", URL(True, "h", 80, "/"), "h:80"),
        ("ws://h:80/", URL(False, "h", 80, "/"), "h"),
        ("wss://h:443/", URL(True, "h", 443, "/"), "h"),
        ("ws://h:/", URL(False, "h", 80, "/"), "h"),
        ("ws://h:65535/", URL(False, "h", 65535, "/"), "h:65535"),
        ("ws://h:1?x", URL(False, "h", 1, "/?x"), "h:1"),
        ("ws://h?a=ws://b:9/@", URL(False, "h", 80, "/?a=ws://b:9/@"), "h"),
        ("ws://h/a%20b;c?d=%zz&[]", URL(False, "h", 80, "/a%20b;c?d=%zz&[]"), "h"),
        ("ws://h//a/../b", URL(False, "h", 80, "//a/../b"), "h"),
        ("ws://127.0.0.1:8000/", URL(False, "127.0.0.1", 8000, "/"), "127.0.0.1:8000"),
        ("ws://[::1]:8000/", URL(False, "::1", 8000, "/"), "[::1]:8000"),
        ("wss://[2001:DB8:0::1]/", URL(True, "2001:db8::1", 443, "/"), "[2001:db8::1]"),
        ("ws://under_score.local/", URL(False, "under_score.local", 80, "/"), "under_score.local"),
        ("ws://example.com./", URL(False, "example.com.", 80, "/"), "example.com."),
        ("ws://bücher.example/", URL(False, "xn--bcher-kva.example", 80, "/"), None),
        ("ws://xn--strae-oqa.de/", URL(False, "xn--strae-oqa.de", 80, "/"), None),
        ("ws://h/é?ü=%25 ".rstrip(), URL(False, "h", 80, "/%C3%A9?%C3%BC=%25"), "h"),
        ("ws://h/\U0001f600", URL(False, "h", 80, "/%F0%9F%98%80"), "h"),
    ],
)
def test_url_is_taken_apart(text: str, url: URL, host_header: str | None) -> None:
    assert parse_url(text) == url
    assert parse_url(text).host_header == (host_header or url.host)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://h/", "must start with ws:// or wss://"),
        ("//h/", "must start with"),
        ("h", "must start with"),
        ("", "must start with"),
        ("ws:/h", "must start with"),
        ("ws:h", "must start with"),
        (" ws://h", "must start with"),
        ("ws://", "needs a host name"),
        ("ws:///path", "needs a host name"),
        ("ws://:80/", "needs a host name"),
        ("ws://h:0/", "port from 1 to 65535"),
        ("ws://h:65536/", "port from 1 to 65535"),
        ("ws://h:000080/", "port from 1 to 65535"),
        ("ws://h:-1/", "port from 1 to 65535"),
        ("ws://h:+1/", "port from 1 to 65535"),
        ("ws://h:1_0/", "port from 1 to 65535"),
        ("ws://h:\u0661/", "port from 1 to 65535"),
        ("ws://h:a/", "port from 1 to 65535"),
        ("ws://h:1:2/", "needs a host name"),
        ("ws://a..b/", "needs a host name"),
        ("ws://.a/", "needs a host name"),
        ("ws://./", "needs a host name"),
        ("ws://-a/", "needs a host name"),
        ("ws://a-/", "needs a host name"),
        ("ws://a%20b/", "needs a host name"),
        ("ws://a*b/", "needs a host name"),
        ("ws://xn--99999999/", "needs a host name"),
        ("ws://xn--/", "needs a host name"),
        (f"ws://{'a' * 64}/", "needs a host name"),
        (f"ws://{'a.' * 127}a/", "needs a host name"),
        (f"ws://{'é.' * 40}a/", "needs a host name"),
        ("ws://\u2100.com/", "needs a host name"),  # NFKC makes a slash of it
        ("ws://é..b/", "needs a host name"),
        ("ws://\ud800/", "needs a host name"),
        ("ws://::1/", "needs a host name"),
        ("ws://[::1/", "needs a host name"),
        ("ws://[]/", "needs a host name"),
        ("ws://[::1]a/", "needs a host name"),
        ("ws://[127.0.0.1]/", "needs a host name"),
        ("ws://[::1%25eth0]/", "needs a host name"),
        ("ws://[h]/", "needs a host name"),
        ("ws://h/#", "fragment"),
        ("ws://h#a", "fragment"),
        ("ws://h/a b", "percent-encoded"),
        ("ws://h/\r\nX: y", "percent-encoded"),
        ("ws://h/\x00", "percent-encoded"),
        ("ws://h/\x7f", "percent-encoded"),
        ("ws://h\\a", "percent-encoded"),
        ("ws://h\t/", "percent-encoded"),
        ("ws://h/\ud800", "lone surrogate"),
    ],
)
def test_invalid_url_is_refused_and_named(text: str, reason: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        parse_url(text)
    assert reason in str(caught.value)
    assert repr(text) in str(caught.value)


def test_idna_host_that_grows_too_long_is_refused() -> None:
    # 250 characters, of which each label's punycode is longer than the label
    with pytest.raises(InvalidURL):
        parse_url(f"ws://{'.'.join(['é' + 'a' * 48] * 5)}/")


def test_user_name_is_refused_without_telling_the_password() -> None:
    with pytest.raises(InvalidURL, match="Authorization header") as caught:
        parse_url("ws://me:secret@example.com/")
    assert "secret" not in str(caught.value)
    assert "example.com" in str(caught.value)


@pytest.mark.parametrize("url", [None, b"ws://h", 5])
def test_url_that_is_no_str_is_a_type_error(url: object) -> None:
    with pytest.raises(TypeError, match="url must be a str"):
        parse_url(url)  # type: ignore[arg-type]


def test_invalid_url_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="ws://"):
        parse_url("ftp://h")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("Example.COM", ("example.com", None)),
        ("h:8000", ("h", 8000)),
        ("[::1]:1", ("::1", 1)),
        ("[0:0::1]", ("::1", None)),
        ("::1", None),
        ("", None),
        ("a@b", None),
        ("a/b", None),
        ("a,b", None),
        ("é.example", None),
        ("\xff", None),
        ("h:99999", None),
        ("h ", None),
    ],
)
def test_authority_of_a_peer_is_host_and_port_or_none(
    text: str, parsed: tuple[str, int | None] | None
) -> None:
    assert parse_authority(text) == parsed


@pytest.mark.parametrize("host", ["::1", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_ipv6_address_has_one_normal_form(host: str) -> None:
    assert normalize_host(host) == "::1"


HOSTILE = st.text(
    st.sampled_from("aZ09-._:[]@/?#%\\ \xdf\xe9\u3002\u2100\ud800\r\n") | st.characters()
)


@given(HOSTILE | st.from_regex(r"xn--[a-z0-9-]{0,70}", fullmatch=True))
def test_normal_form_of_a_host_is_normal_and_nothing_raises(text: str) -> None:
    parse_authority(text)
    host = normalize_host(text)
    if host is not None:
        assert host.isascii()
        assert normalize_host(host) == host


@given(st.sampled_from(["ws://", "wss://", "ws:", "", "ws://h/", "ws://h?", "ws://h:"]), HOSTILE)
def test_any_str_is_a_url_or_invalid(start: str, rest: str) -> None:
    try:
        url = parse_url(start + rest)
    except InvalidURL:
        return
    assert url.target.startswith("/")
    assert url.target.isascii()
    assert url.target.isprintable()
    assert " " not in url.target
    scheme = "wss" if url.secure else "ws"
    assert parse_url(f"{scheme}://{url.host_header}{url.target}") == url
