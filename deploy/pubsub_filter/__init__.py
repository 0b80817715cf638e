r"""Filters of Pub/Sub subscriptions: parses, applies and writes them. Pure.

    expression  = term { AND term } | term { OR term }      no mixture of AND and OR without parentheses
    term        = ( NOT | "-" ) term | "(" expression ")" | test
    test        = attributes:KEY | attributes.KEY = "V" | attributes.KEY != "V" | hasPrefix(attributes.KEY, "P")

A bare KEY has letters, digits, ``_`` and ``-``; every other key is quoted, as values are. In quotes, ``\uXXXX`` is a
character, ``\xHH`` and ``\OOO`` are bytes of UTF-8, and ``\"`` and ``\\`` stand for the second character.
Operators are in capitals. Grammar: https://cloud.google.com/pubsub/docs/subscription-message-filter.
``!=`` is also true if the attribute is absent, as in Google's own fake (googleapis/google-cloud-go, pubsub/pstest).

===================  ========================================================  =====================
``parser``           reads a filter                                            nothing
``tokens``           splits a filter into words, signs and quoted texts        nothing
``terms``            the parts of a filter: each applies and writes itself     nothing
``quotes``           texts and keys in quotes, with their escapes              nothing
``invalid``          the error for a text that is no filter, and its limit     nothing
===================  ========================================================  =====================
"""

from deploy.pubsub_filter.invalid import MAX_BYTES, FilterInvalid
from deploy.pubsub_filter.parser import parse_filter
from deploy.pubsub_filter.terms import All, AnyOf, Differs, Equals, Everything, Filter, Has, HasPrefix, Not

__all__ = [
    "MAX_BYTES",
    "All",
    "AnyOf",
    "Differs",
    "Equals",
    "Everything",
    "Filter",
    "FilterInvalid",
    "Has",
    "HasPrefix",
    "Not",
    "parse_filter",
]
