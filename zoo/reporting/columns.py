"""Plain columns of text, as `zoo list` prints them. Loads no rich."""

from collections.abc import Collection, Iterator, Sequence

from zoo.models._catalog import Description


def short(number: int | None) -> str:
    """Abbreviate a count: 1467610 -> 1.47M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number is not None and number >= size:
            return f"{number / size:.2f}{unit}"
    return "" if number is None else str(number)


def columns(rows: Sequence[Sequence[str]], right: Collection[int]) -> Iterator[str]:
    """Yield lines of aligned columns, those of `right` right-aligned. No cell is cut, so that
    names can be searched for."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip() + "\n"


def tags(d: Description) -> str:
    """List the tags of a model's weights, at most three."""
    named = [weights.tag for weights in d.weights[:3]]
    more = len(d.weights) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
