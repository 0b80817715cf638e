"""The text of one or more signature secrets -> secrets, and what is wrong with the rest. Pure.

Both ends use this one reader: the function for its environment and its secret file, the deployment for what it hands to
DT. So both mean the same bytes, also when an editor has added a byte order mark, CRLF, UTF-16 or stray white space.
No fault quotes a secret.
"""

import codecs
import re
from dataclasses import dataclass
from unicodedata import category

MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: an HS256 key is at least as long as its hash, 256 bits."""

MAX_TEXT_BYTES = 65_536
"""A version of Secret Manager holds no more: https://cloud.google.com/secret-manager/quotas."""

_AROUND = "\ufeff\u200b\u200c\u200d\u2060"
"""Marks that no editor shows; with white space, they do not count at either end of a line."""

_QUOTES = re.compile(
    r"""(["'`]).*\1 | [\u201c\u201e\u00ab].*[\u201c\u201d\u00bb] | [\u2018\u201a].*[\u2018\u2019]""", re.VERBOSE
)
"""Quotes of programs and of word processors."""

_JOINT = re.compile(r"[,;\s]+")
_PLACEHOLDER = re.compile(
    r"""
    (.)\1*                                       # one character, again and again
    | <.*> | \{\{.*\}\} | \$\{.*\} | \$\(.*\) | %\w+% | \$[a-z_]\w*
    | (todo|tbd|fixme|none|null|undefined|secret|password|example|test)
    | (your|my|insert|enter|paste|put|add|use)[-_ ](\w+[-_ ])*(secret|password|key|token|value)([-_ ].*)?
    | your[-_ ].*
    | .*(change|replace|fill)[-_ ]?(me|this|it|with|in\b).*
    | .*place[-_ ]?holder.*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WRAPPED = re.compile(r'\{\s*".*|\[\s*".*')
_SETTING = re.compile(r"[\w -]{0,40}secret[\w -]{0,20}[=:]\s*[^=\s].*", re.IGNORECASE)
"""Such as ``export DT_SIGNATURE_SECRET=…`` or ``secret: …``; a secret in base64 has nothing behind its ``=``."""

_COMMENT = re.compile(r"(\S{32,}\s+)?# ")
"""A comment, on its own or behind a secret."""


@dataclass(frozen=True, slots=True)
class SecretLines:
    """What a text holds: the secrets that the function would use, newest first, and a sentence for each fault.

    ``is_refused``: the text is written by a person, but no line of it can be used. It is false for a text that holds
    nothing yet, and for bytes that are no text.
    """

    secrets: tuple[bytes, ...]
    faults: tuple[str, ...]
    is_refused: bool = False


def trimmed(text: str) -> str:
    """Return the text without white space and invisible marks, such as a byte order mark, at either end."""
    while text != (shorter := text.strip().strip(_AROUND)):
        text = shorter
    return text


def is_quoted(text: str) -> bool:
    """Whether the text stands in a pair of quotes, as an env file or a word processor leaves them."""
    return _QUOTES.fullmatch(text) is not None


def read_secrets(raw: bytes) -> SecretLines:
    """Read secrets, one a line and the newest first; blank lines and white space around a secret do not count.

    A line that the function would refuse is left out, and its fault names the line by its number.
    """
    if len(raw) > MAX_TEXT_BYTES:
        return SecretLines((), (f"the text has more than {MAX_TEXT_BYTES} bytes",))
    try:
        text = _decoded(raw)
    except UnicodeDecodeError:
        return SecretLines((), ("the text is UTF-16 that is not whole: save it as UTF-8",))
    lines = [(number, trimmed(line)) for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)]
    read = [(number, line, _fault(line)) for number, line in lines if line]
    if not read:
        return SecretLines((), ("the text holds no secret",))
    secrets = tuple(line.encode() for _, line, fault in read if not fault)
    return SecretLines(
        secrets,
        faults=tuple(f"line {number} {fault}" for number, _, fault in read if fault),
        is_refused=not secrets and all(_is_unicode(line) for _, line, _ in read),
    )


def _decoded(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark; bytes that are not UTF-8 become lone surrogates."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    if b"\0" in raw and not any(raw[1::2]):
        return raw.decode("utf-16-le")
    if b"\0" in raw and not any(raw[::2]):
        return raw.decode("utf-16-be")
    return raw.decode("utf-8", "surrogateescape")


def _fault(line: str) -> str | None:
    """Return why the function would not use this line as a secret, or None if it would."""
    size = len(line.encode("utf-8", "surrogateescape"))
    faults = (
        (not _is_unicode(line), "is not UTF-8"),
        (not line.isprintable(), "holds a character that cannot be printed"),
        (is_quoted(line), "stands in quotes: leave them out"),
        ("\\n" in line, r"holds a literal \n: start a new line instead"),
        (_SETTING.fullmatch(line), "names the setting as well: leave only the secret"),
        (_WRAPPED.fullmatch(line), "is JSON: leave only the secret"),
        (_COMMENT.match(line), "is a comment: leave only secrets"),
        (_PLACEHOLDER.fullmatch(line), "is a placeholder: put the secret itself there"),
        (_is_joined(line), "holds several secrets: write each on a line of its own"),
        (size < MIN_SECRET_BYTES, f"has {size} bytes: at least {MIN_SECRET_BYTES} are needed"),
    )
    return next((sentence for is_so, sentence in faults if is_so), None)


def _is_joined(line: str) -> bool:
    """Whether commas, semicolons or white space part or end texts that are each long enough for a secret."""
    parts = _JOINT.split(line)
    return len(parts) > 1 and all(len(part.encode()) >= MIN_SECRET_BYTES for part in parts if part)


def _is_unicode(line: str) -> bool:
    return all(category(character) != "Cs" for character in line)
