"""A plan compares only the fields that it sets, and reads an absent field as its default."""

from typing import Any

import pytest

from deploy.resources.own_fields import LONGEST_SHOWN, differences, merged


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, {"name": "x"}),
        ({"a": 1}, {"a": 1.0, "b": 2}),
        ({"a": {"b": "c"}}, {"a": {"b": "c", "server": "s"}}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "name": "n"}]}),
        ({"a": 0, "b": "", "c": False, "d": [], "e": 0.0, "f": "0s", "g": {}}, {}),
        ({"a": {"xPos": 0}}, {"a": {}}),
        ({"a": {"xPos": 0}}, {}),
    ],
)
def test_what_a_server_adds_or_leaves_out_is_no_difference(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    assert differences(wanted, found) == ()


@pytest.mark.parametrize(
    ("wanted", "found", "shown"),
    [
        ({"a": 1}, {"a": 2}, "a 2 -> 1"),
        ({"a": 1}, {}, "a none -> 1"),
        ({"a": True}, {}, "a none -> true"),
        ({"a": {"b": "c"}}, {"a": {"b": "d"}}, "a.b d -> c"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b 2 -> 1"),
        ({"a": [1, 2]}, {"a": [1]}, "a 1 items -> 2 items"),
        ({"a": ["x"]}, {}, "a none -> 1 items"),
        ({"a": {"b": 1}}, {"a": "text"}, "a text -> 1 fields"),
        ({"a": 0}, {"a": 5}, "a 5 -> 0"),
        ({"a": "x" * LONGEST_SHOWN}, {"a": "y"}, f"a y -> {'x' * LONGEST_SHOWN}"),
        ({"a": "x" * 99}, {"a": "y"}, f"a y -> {'x' * LONGEST_SHOWN}… (99 characters)"),
    ],
)
def test_a_difference_names_its_place_and_both_values(
    wanted: dict[str, Any], found: dict[str, Any], shown: str
) -> None:
    (change,) = differences(wanted, found)
    assert str(change) == shown


def test_an_update_keeps_what_is_not_ours() -> None:
    found = {"etag": "e", "labels": {"team": "x", "ours": "old"}, "tiles": [1, 2]}
    wanted = {"labels": {"ours": "new"}, "tiles": [3]}
    assert merged(wanted, found) == {"etag": "e", "labels": {"team": "x", "ours": "new"}, "tiles": [3]}
    assert merged({"a": {"b": 1}}, {}) == {"a": {"b": 1}}
