"""Figures as words, and tables of them. Pure."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def number(value: float) -> str:
    """Write a count with three digits, and a letter for thousands and millions."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.9995 * unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def dollars(value: float) -> str:
    """Write an amount: with cents below 10 dollars, else without."""
    return "0" if value < 0.005 else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def percent(share: float) -> str:
    """Write a share of 1."""
    return f"{share * 100:.0f} %"


def exactly(value: float) -> str:
    """Write every digit, without an exponent."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")
