"""Filters of subscriptions: which are parsed, which are refused and where, and that they match correctly."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.pubsub_filter import (
    MAX_BYTES,
    All,
    AnyOf,
    Differs,
    Equals,
    Everything,
    Filter,
    FilterInvalid,
    Has,
    HasPrefix,
    Not,
    parse_filter,
)

READ: dict[str, Filter] = {
    "": Everything(),
    "  ": Everything(),
    "attributes:a": Has("a"),
    "attributes:ce-type": Has("ce-type"),
    "attributes:1-": Has("1-"),
    'attributes:"label.room"': Has("label.room"),
    'attributes.a = "b"': Equals("a", "b"),
    'attributes.a="b"': Equals("a", "b"),
    'attributes.a != "b"': Differs("a", "b"),
    'hasPrefix(attributes.ce-id, "p")': HasPrefix("ce-id", "p"),
    'hasPrefix( attributes."x y" , "" )': HasPrefix("x y", ""),
    "NOT attributes:a": Not(Has("a")),
    "-attributes:a": Not(Has("a")),
    "NOT -attributes:a": Not(Not(Has("a"))),
    "NOT(attributes:a)": Not(Has("a")),
    "attributes:a AND attributes:b AND attributes:c": All((Has("a"), Has("b"), Has("c"))),
    "attributes:a OR (attributes:b AND attributes:c)": AnyOf((Has("a"), All((Has("b"), Has("c"))))),
    "NOT attributes:a OR attributes:b": AnyOf((Not(Has("a")), Has("b"))),
    "attributes:AND": Has("AND"),
    r'attributes.a = "say \"x\" \\ y"': Equals("a", r'say "x" \ y'),
    r'attributes.a = "\u307F"': Equals("a", "み"),
    r'attributes.a = "\xe3\x81\xbf"': Equals("a", "み"),
    r'attributes.a = "\343\201\277"': Equals("a", "み"),
    'attributes.a = "AND"': Equals("a", "AND"),
}
REFUSED: dict[str, int] = {  # text -> index of the first wrong character
    "deviceId is a": 0,
    "attributes": 10,
    "attributes.a": 12,
    "attributes.a = b": 15,
    'attributes.a = "b': 15,
    'attributes.a > "b"': 13,
    "attributes .a": 10,
    "attributes. a": 11,
    "attributes:label.room": 16,
    "attributes:a and attributes:b": 13,
    "attributes:a AND": 16,
    "attributes:a attributes:b": 13,
    "attributes:a AND attributes:b OR attributes:c": 30,
    "(attributes:a": 13,
    "attributes:a)": 12,
    'hasPrefix(attributes:a, "b")': 20,
    'hasPrefix(attributes.a "b")': 23,
    'hasSuffix(attributes.a, "b")': 0,
    r'attributes.a = "\q"': 15,
    r'attributes.a = "\xff"': 15,
    '"attributes":a': 0,
    "attributes:a OR NOT": 19,
}


@pytest.mark.parametrize(("text", "meant"), READ.items(), ids=READ)
def test_a_filter_is_parsed_according_to_the_grammar(text: str, meant: Filter) -> None:
    assert parse_filter(text) == meant


@pytest.mark.parametrize(("text", "position"), REFUSED.items(), ids=REFUSED)
def test_an_invalid_filter_is_refused_at_its_first_wrong_character(text: str, position: int) -> None:
    with pytest.raises(FilterInvalid, match=f"at character {position + 1}: ") as refused:
        parse_filter(text)
    assert refused.value.position == position


def test_a_filter_has_at_most_256_bytes_of_utf_8() -> None:
    start = 'attributes.a = "'
    fits = start + "é" * ((MAX_BYTES - len(start) - 1) // 2) + '"'

    assert len(fits.encode()) >= MAX_BYTES - 1
    parse_filter(fits)
    with pytest.raises(FilterInvalid, match="at most 256 bytes"):
        parse_filter(fits.replace("é", "éé", 1))


@pytest.mark.parametrize("text", ["(" * 122 + "attributes:a" + ")" * 122, "-" * 244 + "attributes:a"])
def test_the_deepest_filter_of_256_bytes_is_parsed_and_applied(text: str) -> None:
    assert parse_filter(text).matches({"a": ""})


def test_not_equal_is_true_for_a_missing_attribute() -> None:
    assert parse_filter('attributes.a != "b"').matches({})
    assert not parse_filter('attributes:a AND attributes.a != "b"').matches({})


def test_a_filter_lists_the_keys_that_it_uses() -> None:
    text = 'attributes:a AND (NOT attributes.b = "x" OR hasPrefix(attributes.c, "y") OR attributes.d != "z")'

    assert parse_filter(text).keys() == {"a", "b", "c", "d"}
    assert parse_filter("").keys() == set()


# comparison with Python's own parser and evaluation

KEYS = ("a", "ce-type", "label.room", "NOT", 'q"\\')
VALUES = ("", "x", "xy", 'q"\\', "é")
tests_of_one_attribute = st.one_of(
    st.builds(Has, st.sampled_from(KEYS)),
    *(st.builds(kind, st.sampled_from(KEYS), st.sampled_from(VALUES)) for kind in (Equals, Differs, HasPrefix)),
)


def combined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(All, several), st.builds(AnyOf, several))


filters = st.recursive(tests_of_one_attribute, combined, max_leaves=4)
attributes_of_messages = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))


def brute_force(meant: Filter, attributes: Mapping[str, str]) -> bool:
    """Return whether the filter matches, decided by an equivalent Python expression."""
    return bool(eval(as_python(meant), {"attributes": attributes}))  # noqa: S307  # made by this test


def as_python(meant: Filter) -> str:
    match meant:
        case Has(key):
            return f"({key!r} in attributes)"
        case Equals(key, value):
            return f"(attributes.get({key!r}) == {value!r})"
        case Differs(key, value):
            return f"(attributes.get({key!r}) != {value!r})"
        case HasPrefix(key, prefix):
            return f"(attributes.get({key!r}, '\\0')[:{len(prefix)}] == {prefix!r} and {key!r} in attributes)"
        case _:
            return combination_as_python(meant)


def combination_as_python(meant: Filter) -> str:
    if isinstance(meant, Not):
        return f"(not {as_python(meant.term)})"
    assert isinstance(meant, All | AnyOf)
    return "(" + f" {'and' if isinstance(meant, All) else 'or'} ".join(map(as_python, meant.terms)) + ")"


@settings(deadline=None)  # because the machine may be busy
@given(filters, attributes_of_messages)
def test_a_written_filter_is_parsed_to_the_same_filter(meant: Filter, attributes: dict[str, str]) -> None:
    text = str(meant)
    if len(text.encode()) <= MAX_BYTES:
        read = parse_filter(text)
        assert read == meant
        assert str(read) == text
        assert read.matches(attributes) == brute_force(meant, attributes)


@settings(deadline=None)
@given(st.text(alphabet='attributes.:="()-AND OR\\x ', max_size=40))
def test_any_text_is_a_filter_or_refused_with_a_position_in_it(text: str) -> None:
    position = 0
    try:
        parse_filter(text).matches({})
    except FilterInvalid as refused:
        position = refused.position
    assert 0 <= position <= len(text)
