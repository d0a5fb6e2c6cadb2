"""Atomic writes: a file is there whole, or as it was before. Progress bars on stderr.

data -> temporary file of a random name beside the target -> fsync -> rename
"""

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TextColumn

MAX_SMALL = 64 << 20  # bytes of a file that is read whole: a record, counts, a setting


def temporary_path(path: Path) -> Path:
    """Return a hidden path of a random name beside `path`: no two writers share one."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces `path` when the block ends without an error.

    Of several processes that write the same file, the last to end wins.
    """
    temporary = temporary_path(path)
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write a file, whole or not at all; text as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


def read_small(path: Path, max_bytes: int = MAX_SMALL) -> bytes:
    """Read a file.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no regular file, or, before it is in memory, has more than `max_bytes`.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise ValueError(f"{path} is a folder or a device, no file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > max_bytes else file.read(max_bytes + 1)
    if max(size, len(data)) > max_bytes:
        raise ValueError(f"{path} has more than {max_bytes} bytes")
    return data


def read_json(path: Path, max_bytes: int = MAX_SMALL) -> Any:
    """Read a JSON file. Raises as `read_small` does, and ValueError for what is no JSON."""
    data = read_small(path, max_bytes)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no JSON that can be read") from None


def json_text(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return indented JSON; numbers that it does not have, NaN and infinity, are null.

    `default` converts what is no JSON value.
    """
    text = json.dumps(value, default=default)
    plain = json.loads(text, parse_constant=lambda name: None)
    return json.dumps(plain, indent=1, ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all; nesting below the third level stays on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    atomic_write(path, re.sub(r"\n {4,}|\n {3}(?=[\]}])", " ", text) + "\n")


def title_column() -> "TextColumn":
    """Return the column of a bar's title, which is cut before a line is broken."""
    from rich.progress import TextColumn
    from rich.table import Column

    column = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return TextColumn("{task.description}", table_column=column)


def progress_bars(
    *columns: "ProgressColumn", hidden: bool = False, transient: bool = False
) -> "Progress":
    """Return progress bars on stderr, by default of title, bar, count and remaining time.

    Nothing is shown if stderr is no terminal, or `hidden`. A line is as wide as the terminal at
    most: a title that is too long is cut.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    from rich.table import Column

    whole = Column(no_wrap=True)
    default = (
        title_column(),
        BarColumn(bar_width=16),
        MofNCompleteColumn(table_column=whole),
        TimeRemainingColumn(table_column=whole),
    )
    console = Console(stderr=True)
    hidden = hidden or not console.is_terminal
    chosen = columns or default
    return Progress(*chosen, console=console, transient=transient, disable=hidden, expand=True)
