"""A picture as PNG, without any library: https://www.w3.org/TR/png/. Pure.

Texts are drawn in capital letters of three by five dots. A picture for programs that read it out is SVG.
"""

import struct
import unicodedata
import zlib
from collections.abc import Iterator

from deploy.repair.audit.heat_map import PAPER, Picture, Rectangle, Text

GLYPHS = {
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71111",
    "8": "75757",
    "9": "75717",
    "A": "25755",
    "B": "65656",
    "C": "34443",
    "D": "65556",
    "E": "74647",
    "F": "74644",
    "G": "34553",
    "H": "55755",
    "I": "72227",
    "J": "11152",
    "K": "55655",
    "L": "44447",
    "M": "57755",
    "N": "65555",
    "O": "25552",
    "P": "65644",
    "Q": "25563",
    "R": "65655",
    "S": "34216",
    "T": "72222",
    "U": "55557",
    "V": "55552",
    "W": "55775",
    "X": "55255",
    "Y": "55222",
    "Z": "71247",
    " ": "00000",
    "-": "00700",
    ":": "02020",
    ".": "00002",
    ",": "00024",
    "/": "11244",
    "(": "12221",
    ")": "42224",
    "'": "22000",
    "_": "00007",
    "#": "57575",
    "+": "02720",
}
"""The five rows of each character: an octal digit is a row of three dots, the left one of value 4."""

UNKNOWN = "75257"
"""A character that is not among them."""

LARGE = 14
"""From this size on, a dot of a text is three pixels wide, else two."""


def png(picture: Picture) -> bytes:
    """Return a picture as the bytes of a PNG file, with a palette of its colours."""
    colours = list(dict.fromkeys([PAPER, *(shape.colour for shape in picture.shapes)]))
    canvas = _Canvas(picture.width, picture.height)
    for shape in picture.shapes:
        canvas.draw(shape, colours.index(shape.colour))
    head = struct.pack(">2I5B", picture.width, picture.height, 8, 3, 0, 0, 0)  # 8 bits a pixel, by palette
    palette = bytes.fromhex("".join(colour.removeprefix("#") for colour in colours))
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(canvas.rows(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def width_of(text: Text) -> int:
    """Return the width of a text in pixels."""
    return len(text.text) * _advance(_dot(text))


class _Canvas:
    """The pixels of a picture, as numbers of colours; 0 at first. What lies outside is not drawn."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._lines = [bytearray(width) for _ in range(height)]

    def draw(self, shape: Rectangle | Text, colour: int) -> None:
        """Draw a shape."""
        if isinstance(shape, Rectangle):
            self._fill(shape.x, shape.y, shape.width, shape.height, colour)
            return
        dot = _dot(shape)
        x, y = shape.x - (width_of(shape) // 2 if shape.is_centred else 0), shape.y - 5 * dot
        for place, (left, top) in _dots(shape.text):
            self._fill(x + place * _advance(dot) + left * dot, y + top * dot, dot, dot, colour)

    def rows(self) -> bytes:
        """Return all lines, each after a zero: it is not filtered."""
        return b"".join(b"\0" + line for line in self._lines)

    def _fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        left, right = max(x, 0), min(x + width, self._width)
        for line in self._lines[max(y, 0) : max(y + height, 0)]:
            line[left:right] = bytes([colour]) * max(right - left, 0)


def _dots(text: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the dots of a text: the place of the character, and column and row in it."""
    for place, char in enumerate(text):
        plain = unicodedata.normalize("NFKD", char)[0].upper()
        for row, digit in enumerate(GLYPHS.get(plain, UNKNOWN)):
            yield from ((place, (column, row)) for column in range(3) if int(digit) & (4 >> column))


def _dot(text: Text) -> int:
    return 3 if text.size >= LARGE else 2


def _advance(dot: int) -> int:
    return 3 * dot + dot - 1


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
