"""A picture as SVG, with a title, a description and a text for each tile, for programs that read it out. Pure."""

from html import escape

from deploy.repair.audit.heat_map import PAPER, Picture, Rectangle, Text

FONT = "font-family='system-ui, sans-serif'"


def svg(picture: Picture) -> bytes:
    """Return a picture as the bytes of an SVG file, which loads nothing from anywhere."""
    size = f"{picture.width}' height='{picture.height}' viewBox='0 0 {picture.width} {picture.height}'"
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' role='img' aria-labelledby='title desc' width='{size} {FONT}>",
        f"<title id='title'>{_clean(picture.title)}</title>",
        f"<desc id='desc'>{_clean(picture.description)}</desc>",
        f"<rect width='100%' height='100%' fill='{PAPER}'/>",
        *map(_shape, picture.shapes),
        "</svg>",
    ]
    return "\n".join(lines).encode() + b"\n"


def _shape(shape: Rectangle | Text) -> str:
    if isinstance(shape, Text):
        anchor = " text-anchor='middle'" if shape.is_centred else ""
        place = f"x='{shape.x}' y='{shape.y}' font-size='{shape.size}' fill=\"{shape.colour}\"{anchor}"
        return f"<text {place}>{_clean(shape.text)}</text>"
    size = f"x='{shape.x}' y='{shape.y}' width='{shape.width}' height='{shape.height}' fill=\"{shape.colour}\""
    return f"<rect {size}><title>{_clean(shape.title)}</title></rect>" if shape.title else f"<rect {size}/>"


def _clean(text: str) -> str:
    """Return a text for XML, which has no other control characters: a device's name may have any."""
    return escape("".join(char if char.isprintable() else " " for char in text), quote=False)
