"""Headers, Request, Response."""

from __future__ import annotations

import pytest

from rawws.core.http import Headers, Request, Response

LINES = [("Host", "a"), ("X-One", "1"), ("x-one", "2"), ("Empty", "")]


def test_headers_are_looked_up_without_regard_to_case() -> None:
    headers = Headers(LINES)
    assert headers["HOST"] == headers["host"] == "a"
    assert "hOST" in headers
    assert 1 not in headers
    assert headers.get("none") is None


def test_headers_are_found_after_their_index_was_given_up() -> None:
    headers = Headers(LINES)
    assert headers["Host"] == "a"
    headers.forget_index()
    assert headers["Host"] == "a"
    assert headers.get_all("X-ONE") == ["1", "2"]


def test_headers_of_one_name_are_joined() -> None:
    headers = Headers(LINES)
    assert headers["x-One"] == "1, 2"
    assert headers.get_all("X-ONE") == ["1", "2"]
    assert headers["empty"] == ""


def test_absent_header_is_a_key_error_and_no_lines() -> None:
    headers = Headers(LINES)
    with pytest.raises(KeyError, match="none"):
        headers["none"]
    assert headers.get_all("none") == []


def test_list_of_values_is_the_callers_own() -> None:
    headers = Headers(LINES)
    headers.get_all("host").append("b")
    assert headers["host"] == "a"


def test_headers_keep_their_lines_and_count_names() -> None:
    headers = Headers(LINES)
    assert headers.lines == tuple(LINES)
    assert list(headers) == ["host", "x-one", "empty"]
    assert len(headers) == 3
    assert len(Headers()) == 0
    assert repr(headers) == f"Headers({LINES!r})"


def test_headers_are_made_of_pairs_a_mapping_or_headers() -> None:
    pairs = Headers(iter(LINES[:2]))
    assert pairs.lines == tuple(LINES[:2])
    assert Headers({"Host": "a", "X-One": "1"}).lines == pairs.lines
    assert Headers(Headers(LINES)).lines == tuple(LINES)


def test_headers_are_equal_whatever_the_case_of_names() -> None:
    assert Headers([("A", "1")]) == Headers({"a": "1"}) != Headers({"a": "2"})


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/room?name=x", "/room", "name=x"),
        ("/a%3Fb?c?d", "/a%3Fb", "c?d"),
        ("/a?", "/a", ""),
    ],
)
def test_target_is_divided_at_the_question_mark(target: str, path: str, query: str) -> None:
    request = Request("GET", target)
    assert (request.path, request.query) == (path, query)


def test_request_has_a_state_of_its_own_that_does_not_count_in_comparison() -> None:
    one, other = Request("GET", "/"), Request("GET", "/")
    one.state.user = "ann"
    assert not hasattr(other.state, "user")
    assert one == other
    assert one == Request("GET", "/", remote_address=("::1", 5))
    assert one != Request("GET", "/", http_version="1.0")


def test_response_body_of_text_goes_out_as_utf8_and_says_so() -> None:
    response = Response(200, body="grüß")
    assert response.body == "grüß".encode()
    assert response.headers.lines == (("Content-Type", "text/plain; charset=utf-8"),)


def test_response_keeps_the_content_type_given() -> None:
    response = Response(200, {"content-TYPE": "text/html"}, "<p>")
    assert response.headers.lines == (("content-TYPE", "text/html"),)


def test_response_body_of_bytes_gets_no_content_type() -> None:
    response = Response(200, [("A", "1"), ("A", "2")], b"\xff")
    assert response.body == b"\xff"
    assert response.headers.lines == (("A", "1"), ("A", "2"))


def test_response_is_a_value() -> None:
    assert Response(404) == Response(404, {}, b"") != Response(403)


@pytest.mark.parametrize(("status", "reason"), [(101, "Switching Protocols"), (799, "")])
def test_reason_is_the_status_in_words(status: int, reason: str) -> None:
    assert Response(status).reason == reason
