"""The text of one or more signature secrets -> secrets, and the faults of the other lines. Pure.

The function reads its environment and its secret file with this module, and the deployment the secret that it sends to
DT. So both get the same bytes, also if an editor has added a byte order mark, CRLF, UTF-16 or white space. No fault
quotes a secret.
"""

import codecs
import re
from dataclasses import dataclass
from unicodedata import category

MIN_SECRET_BYTES = 32
"""An HS256 key is at least as long as its hash, which has 256 bits (RFC 7518 §3.2)."""

MAX_TEXT_BYTES = 65_536
"""Maximum size of a version in Secret Manager: https://cloud.google.com/secret-manager/quotas."""

_AROUND = "\ufeff\u200b\u200c\u200d\u2060"
"""Invisible characters. Like white space, they are removed from both ends of a line."""

_QUOTES = re.compile(
    r"""(["'`]).*\1 | [\u201c\u201e\u00ab].*[\u201c\u201d\u00bb] | [\u2018\u201a].*[\u2018\u2019]""", re.VERBOSE
)
"""Quotation marks of programs and of word processors."""

_JOINT = re.compile(r"[,;\s]+")
_PLACEHOLDER = re.compile(
    r"""
    (.)\1*                                       # one character, repeated
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
"""Such as ``export DT_SIGNATURE_SECRET=…`` or ``secret: …``. A secret in base64 has nothing after its ``=``."""

_COMMENT = re.compile(r"(\S{32,}\s+)?# ")
"""A comment, alone or after a secret."""


@dataclass(frozen=True, slots=True)
class SecretLines:
    """The secrets of a text that the function would use, newest first, and a sentence for each fault.

    ``is_refused``: the text has lines, but none of them can be used. It is false for an empty text, and for bytes that
    are not text.
    """

    secrets: tuple[bytes, ...]
    faults: tuple[str, ...]
    is_refused: bool = False


def trimmed(text: str) -> str:
    """Return the text without white space and invisible characters, such as a byte order mark, at either end."""
    while text != (shorter := text.strip().strip(_AROUND)):
        text = shorter
    return text


def is_quoted(text: str) -> bool:
    """Return whether the text is in quotation marks, which an env file or a word processor may leave."""
    return _QUOTES.fullmatch(text) is not None


def read_secrets(raw: bytes) -> SecretLines:
    """Return the secrets of a text, one a line, newest first. Blank lines and white space around a secret are ignored.

    A line that the function would refuse is left out, and its fault has the number of the line.
    """
    if len(raw) > MAX_TEXT_BYTES:
        return SecretLines((), (f"the text has more than {MAX_TEXT_BYTES} bytes",))
    try:
        text = _decoded(raw)
    except UnicodeDecodeError:
        return SecretLines((), ("the text is incomplete UTF-16: save it as UTF-8",))
    lines = [(number, trimmed(line)) for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)]
    read = [(number, line, _fault(line)) for number, line in lines if line]
    if not read:
        return SecretLines((), ("the text has no secret",))
    secrets = tuple(line.encode() for _, line, fault in read if not fault)
    return SecretLines(
        secrets,
        faults=tuple(f"line {number} {fault}" for number, _, fault in read if fault),
        is_refused=not secrets and all(_is_unicode(line) for _, line, _ in read),
    )


def _decoded(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark. Bytes that are not UTF-8 become lone surrogates."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    if b"\0" in raw and not any(raw[1::2]):
        return raw.decode("utf-16-le")
    if b"\0" in raw and not any(raw[::2]):
        return raw.decode("utf-16-be")
    return raw.decode("utf-8", "surrogateescape")


def _fault(line: str) -> str | None:
    """Return why the function would not use this line as a secret, or None if it would."""
    size = _size(line)
    faults = (
        (not _is_unicode(line), "is not UTF-8"),
        (not line.isprintable(), "contains an unprintable character"),
        (is_quoted(line), "is in quotes: remove them"),
        ("\\n" in line, r"contains a literal \n: start a new line instead"),
        (_SETTING.fullmatch(line), "contains the name of the setting: leave only the secret"),
        (_WRAPPED.fullmatch(line), "is JSON: leave only the secret"),
        (_COMMENT.match(line), "is a comment: leave only secrets"),
        (_PLACEHOLDER.fullmatch(line), "is a placeholder: replace it by the secret"),
        (_is_joined(line), "contains several secrets: put each on its own line"),
        (size < MIN_SECRET_BYTES, f"has {size} bytes: at least {MIN_SECRET_BYTES} are needed"),
    )
    return next((sentence for is_so, sentence in faults if is_so), None)


def _is_joined(line: str) -> bool:
    """Return whether commas, semicolons or white space separate texts that are all long enough for a secret."""
    parts = _JOINT.split(line)
    return len(parts) > 1 and all(_size(part) >= MIN_SECRET_BYTES for part in parts if part)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _is_unicode(line: str) -> bool:
    return all(category(character) != "Cs" for character in line)
