"""The items of a list as DT wrote them."""

import json

import pytest

from deploy.dt.json_text import compact, items_of

NUMBERS = ("27", "27.0", "-0.0", "1E2", "1e-400", "0.1000000000000000055", "9007199254740993", "9" * 5000)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_stays_as_it_is_written(number: str) -> None:
    text = f'{{"events":[{{"value":{number}}}]}}'
    assert [item for _, item in items_of(text, "events")] == [f'{{"value":{number}}}']


def test_the_order_of_keys_and_the_notation_of_strings_stay() -> None:
    item = r'{"b":"\u00e6 { [ , \" \\","a":null,"b":"é"}'
    assert [text for _, text in items_of(f'{{"events":[{item}]}}', "events")] == [item]


def test_white_space_between_values_is_left_out_and_within_strings_it_stays() -> None:
    assert compact('{ "a" : [ 1 ,\n\t"x  \\" y" ] }\r\n') == '{"a":[1,"x  \\" y"]}'


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (" { } ", []),
        ('{"events": null}', []),
        ('{"events": [ ] , "nextPageToken": ""}', []),
        ('{"other": {"events": [1]}, "events" : [ 2 , [3, 4] ], "last": [5]}', ["2", "[3, 4]"]),
        ('{"events": [{"x": "]"}, {}], "nextPageToken": "a]"}', ['{"x": "]"}', "{}"]),
    ],
)
def test_only_the_items_of_the_named_list_are_found(text: str, items: list[str]) -> None:
    assert json.loads(text) is not None
    assert [item for _, item in items_of(text, "events")] == items
