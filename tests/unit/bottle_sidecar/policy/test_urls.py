import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote, unquote_plus, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bottle_sidecar.policy.urls import PathPrefix, QueryRule, RequestTarget, TargetError, ambiguity

ESCAPES = {
    "parent": "/v1/../x",
    "parent at the end": "/v1/..",
    "here": "/v1/./x",
    "encoded dots": "/v1/%2e%2e/x",
    "encoded dots, upper case": "/v1/%2E%2E/x",
    "half encoded dots": "/v1/.%2e/x",
    "doubly encoded dots": "/v1/%252e%252e/x",
    "triply encoded dots": "/v1/%25252e%25252e/x",
    "encoded slash": "/v1/..%2fx",
    "all encoded": "/v1%2f%2e%2e%2fx",
    "doubly encoded slash": "/v1/..%252fx",
    "backslash": "/v1/..\\x",
    "backslash before": "/v1\\..\\x",
    "encoded backslash": "/v1/..%5cx",
    "encoded backslash around": "/v1/a%5c..%5c..%5cx",
    "doubly encoded backslash": "/v1/..%255cx",
    "parameters after dots": "/v1/..;/x",
    "parameters with text": "/v1/..;a=b/x",
    "encoded semicolon": "/v1/..%3b/x",
    "encoded question mark after dots": "/v1/..%3fx",
    "encoded hash after dots": "/v1/..%23x",
    "overlong dot": "/v1/%c0%ae%c0%ae/x",
    "overlong slash": "/v1/..%c0%afx",
    "three byte overlong": "/v1/%e0%80%ae%e0%80%ae/x",
    "surrogate": "/v1/%ed%a0%80/x",
    "doubly encoded overlong": "/v1/%25c0%25ae%25c0%25ae/x",
    "fullwidth dots": "/v1/%ef%bc%8e%ef%bc%8e/x",
    "fullwidth slash": "/v1/..%ef%bc%8fx",
    "fullwidth backslash": "/v1/..%ef%bc%bcx",
    "fullwidth percent": "/v1/%ef%bc%852e%ef%bc%852e/x",
    "two dot leader": "/v1/%e2%80%a5/x",
    "division slash": "/v1/..%e2%88%95x",
    "set minus": "/v1/..%e2%88%96x",
    "low byte dots": "/v1/%c4%ae%c4%ae/x",
    "low byte slash": "/v1/..%c4%afx",
    "three dots": "/v1/.../x",
    "dots and space": "/v1/..%20/x",
    "space and dots": "/v1/%20../x",
    "dots and plus": "/v1/..+/x",
    "nul": "/v1/..%00/x",
    "nul alone": "/v1/a%00b",
    "newline": "/v1/.%0a./x",
    "tab": "/v1/.%09./x",
    "c1 control": "/v1/%c2%85/x",
    "doubly encoded nul": "/v1/a%2500",
    "percent alone": "/v1/%",
    "percent malformed": "/v1/%zz",
    "percent short": "/v1/a%2",
    "iis escape": "/v1/%u002e%u002e/x",
    "encoded iis escape": "/v1/%25u002e%25u002e/x",
    "encoded too often": "/v1/%2525252541",
    "dots after an encoded question mark": "/v1/a%3f/../x",
    "dots after empty segments": "/v1//../x",
}

OUTSIDE = {
    "sibling": "/v10",
    "sibling with dots": "/v1..",
    "parameters in the prefix": "/v1;x/y",
    "empty segment before": "//v1/x",
    "network path": "//evil.example/v1/x",
    "encoded slash instead of the boundary": "/v1%2Fx",
    "encoded letters": "/%76%31/x",
    "other case": "/V1/x",
    "encoded backslash instead of the boundary": "/v1%5Cx",
    "encoded question mark": "/v1%3Fx/y",
    "apart": "/other",
    "root": "/",
}

MALFORMED = {
    "empty": "",
    "star": "*",
    "relative": "v1",
    "absolute": "https://evil.example/v1",
    "authority": "evil.example:443",
    "fragment": "/v1#x",
    "fragment in query": "/v1?a#x",
    "space": "/v1/a b",
    "line break": "/v1\r\nHost: evil",
    "nul": "/v1\0",
    "delete": "/v1\x7f",
    "letters": "/v1/ü",
    "trailing newline": "/v1\n",
}

HARMLESS = [
    "/v1",
    "/v1/",
    "/v1?a=..%2f..",
    "/v1/x.tar.gz",
    "/v1/.hidden/..x/x..",
    "/v1//x",
    "/v1/projects/group%2Fproject/issues",
    "/v1/projects/group%2fproject",
    "/v1/a%20b",
    "/v1/100%25",
    "/v1/%C3%BC/%E4%B8%AD",
    "/v1/models/m:streamGenerateContent",
    "/v1/a;b=c",
    "/v1/compare/main...dev",
    "/v1/@scope%2Fname",
    "/v1/c++",
    "/v1/https://example.com/x",
]


def under(path: str, *prefixes: str) -> bool:
    target = RequestTarget.parse(path)
    return target.ambiguity() is None and target.is_under([PathPrefix.parse(prefix) for prefix in prefixes])


@pytest.mark.parametrize("path", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_path_with_a_second_reading_is_ambiguous(path: str) -> None:
    assert RequestTarget.parse(path).ambiguity() is not None


@pytest.mark.parametrize("path", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_path_outside_the_prefix_is_not_under_it(path: str) -> None:
    assert not under(path, "/v1")


@pytest.mark.parametrize("path", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_target_in_another_form_is_refused_on_every_route(path: str) -> None:
    with pytest.raises(TargetError):
        RequestTarget.parse(path)


@pytest.mark.parametrize("path", HARMLESS)
def test_harmless_paths_pass(path: str) -> None:
    assert under(path, "/v1")


def test_a_prefix_ends_on_a_segment_boundary() -> None:
    assert under("/v1/x", "/v2", "/v1/")
    assert under("/v1", "/v1/")
    assert under("/anything", "/")
    assert under("/", "/")
    assert not under("/v1", "/v1/x")


def test_an_encoded_slash_in_a_prefix_stands_for_itself() -> None:
    assert under("/projects/group%2fproject/issues", "/projects/group%2Fproject")
    assert not under("/projects/group/project/issues", "/projects/group%2Fproject")
    assert not under("/projects/group%2Fproject/issues", "/projects/group/project")
    assert not under("/projects/group%2Fproject/issues", "/projects/group")


def test_a_prefix_may_be_written_with_plain_letters() -> None:
    assert PathPrefix.parse("/bücher/") == PathPrefix("/b%C3%BCcher")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "v1",
        "/a b",
        "/a?b",
        "/a#b",
        "//a",
        "/a/../b",
        "/a/%2e%2e",
        "/%zz",
        "/a\\b",
        "/a\ud800",
        "/\uff0e\uff0e/a",
    ],
)
def test_a_malformed_prefix_is_refused(raw: str) -> None:
    with pytest.raises(TargetError):
        PathPrefix.parse(raw)


def test_path_and_query_are_told_apart() -> None:
    assert RequestTarget.parse("/a%2fb?c?d") == RequestTarget("/a%2Fb", "c?d")
    assert RequestTarget.parse("/a?") == RequestTarget("/a", "")
    assert RequestTarget.parse("/a") == RequestTarget("/a", None)


def passes(path: str, prefix: str) -> bool:
    try:
        return under(path, prefix)
    except TargetError:
        return False


# What servers do to a path, each as a function of the raw path.


def merge_slashes(path: str) -> str:
    return re.sub("/+", "/", path)


def turn_backslashes(path: str) -> str:
    return path.replace("\\", "/")


def drop_parameters(path: str) -> str:
    return re.sub(r";[^/]*", "", path)


def cut_at_query(path: str) -> str:
    return re.split(r"[?#]", path, maxsplit=1)[0]


def strip_segments(path: str) -> str:
    """As Windows does: trailing dots and spaces of a name do not count, but `..` does."""
    return "/".join(s if s.strip(" ") in (".", "..") else s.rstrip(" .") for s in path.split("/"))


def resolve_dots(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def resolve_by_urljoin(path: str) -> str:
    return urlsplit(urljoin("http://h/v1/", "http://h/" + path.lstrip("/"))).path or "/"


STEPS: list[Callable[[str], str]] = [
    unquote,
    unquote_plus,
    lambda path: unquote(path, errors="ignore"),
    lambda path: unquote(path, encoding="latin-1"),
    merge_slashes,
    turn_backslashes,
    drop_parameters,
    cut_at_query,
    strip_segments,
    resolve_dots,
    resolve_by_urljoin,
]
PIECES = [
    *(
        "/",
        "/",
        "/a",
        "/b",
        "a",
        "b",
        "/x%2Fy",
        "%20",
        "%C3%BC",
        "/c..d",
        "/;p=1",
        "%2f",
        "%5C",
        "%25",
        "%3F",
    ),
    *(
        "/",
        "//",
        "\\",
        ".",
        "..",
        "...",
        ";",
        ";x=1",
        " ",
        "+",
        "%",
        "?",
        "a",
        "v1",
        "x",
        "~",
        ":",
        "@",
        "-",
        "_",
    ),
    *(
        "%2e",
        "%2E%2e",
        "%2f",
        "%2F",
        "%5c",
        "%3b",
        "%3f",
        "%23",
        "%20",
        "%00",
        "%0a",
        "%25",
        "%252e",
        "%252f",
    ),
    *(
        "%25252e",
        "%c0%ae",
        "%c0%af",
        "%e2%80%a5",
        "%ef%bc%8e",
        "%ef%bc%8f",
        "%c4%ae",
        "%c3%bc",
        "%76%31",
        "%u002e",
    ),
]
PATHS = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(("/v1", *pieces)))
WILD_PATHS = st.one_of(PATHS, st.lists(st.sampled_from(PIECES), max_size=12).map(lambda p: "/" + "".join(p)))


@settings(max_examples=1000)
@given(WILD_PATHS, st.lists(st.sampled_from(STEPS), max_size=5))
@example("/v1/%2e%2e/x", [unquote, resolve_dots])
@example("/v1/..;/x", [drop_parameters, resolve_dots])
@example("/v1/..%5cx", [unquote, turn_backslashes, resolve_dots])
@example("/v1/.. /x", [strip_segments, resolve_dots])
@example("//v1/x", [merge_slashes])
def test_no_normaliser_leads_out_of_the_prefix(path: str, steps: list[Callable[[str], str]]) -> None:
    """A path let through stays under the prefix, however a server reads it and in whatever order."""
    if not passes(path, "/v1"):
        return

    path = path.partition("?")[0]
    for step in (*steps, resolve_dots):
        path = step(path)
        assert path == "/v1" or path.startswith("/v1/")


@settings(max_examples=400)
@given(
    st.sampled_from(["/v1/a%2Fb", "/v1/a;b", "/v1/%C3%BC"]),
    PATHS,
    st.lists(st.sampled_from(STEPS[:9]), max_size=4),
)
def test_a_prefix_with_escapes_is_read_as_the_path_is(
    prefix: str, rest: str, steps: list[Callable[[str], str]]
) -> None:
    path = prefix + rest.removeprefix("/v1")
    if not passes(path, prefix):
        return

    path = path.partition("?")[0]
    for step in (*steps, resolve_dots):
        path, prefix = step(path), step(prefix)
        assert path == prefix or path.startswith(prefix.rstrip("/") + "/")


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30))
def test_any_path_gets_an_answer(text: str) -> None:
    assert isinstance(ambiguity("/" + text), str | None)


def test_long_hostile_paths_are_judged_in_linear_time() -> None:
    for piece in ("%25", ".", "/.", "/ ", "%2e", "/;", "%20"):
        ambiguity("/" + piece * 20_000)
        ambiguity("/" + piece * 20_000 + "x%20")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("ref=main&per=10", None),
        ("per=10&ref=ma%69n", None),
        ("&ref=main&&per=10&", None),
        ("ref=main", "missing"),
        ("", "missing"),
        ("ref=main&per=10&x=1", "does not list"),
        ("ref=main&per=10&REF=main", "does not list"),
        ("ref=main&per=10&ref[]=main", "does not list"),
        ("ref=main&ref=main&per=10", "more than once"),
        ("ref=main&%72ef=evil&per=10", "more than once"),
        ("ref=evil&per=10", "does not match"),
        ("ref=main&per", "does not match"),
        ("ref=main%2523evil&per=1x", "does not match"),
        ("ref=mai+n&per=10", None),
    ],
)
def test_a_query_rule_is_the_whole_query(query: str, problem: str | None) -> None:
    found = QueryRule.of([("ref", "mai*n"), ("per", "[0-9]*[0-9]")]).problem(query)

    assert found is None if problem is None else problem in (found or "")


@pytest.mark.parametrize(
    "query", ["a=1;b=2", "a=%", "a=%zz", "a=%ff", "a=%00", "a=x%0d%0a", "%0a=1", "a=%2525252541"]
)
def test_an_ambiguous_query_is_refused_under_a_query_rule(query: str) -> None:
    with pytest.raises(TargetError):
        QueryRule.of([("a", "*")]).problem(query)


def test_every_reading_of_a_value_must_match() -> None:
    assert QueryRule.of([("a", "x+y")]).problem("a=x+y") is not None
    assert QueryRule.of([("a", "x%2Fy")]).problem("a=x%252Fy") is not None
    assert QueryRule.of([("a", "x[+ ]y")]).problem("a=x+y") is None


def test_an_empty_query_rule_permits_no_parameter() -> None:
    assert QueryRule.of([]).problem("") is None
    assert QueryRule.of([]).problem("a") is not None
