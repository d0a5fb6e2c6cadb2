"""What the catalogue knows of each data set: entries.toml -> DatasetEntry. Loads no torch."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

ENTRIES = Path(__file__).with_name("entries.toml")


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file, or files of one pattern, at a URL or in a data set's repository on the Hub."""

    url: str = ""  # with {} for each of `names` or `numbers`
    names: tuple[str, ...] = ()  # for {} in the URL
    numbers: tuple[int, ...] = ()  # first and last, for {} in the URL
    repo: str = ""  # on the Hub
    path: str = ""  # in `repo`: a name, or a shell pattern
    sum: str = ""  # "md5:..." or "sha256:...", of the file; "" if none is published
    member: str = ""  # file, or folder that ends in /, of an archive to unpack
    member_sum: str = ""  # of the file in the archive
    last_bytes: int = 0  # of the file in the archive, to the nearest whole character; 0 for all
    to: str = (
        ""  # path below the data set's or builder's folder: of a folder, or a name with a suffix
    )
    drop: str = ""  # end of the names, before the suffix, that is left out

    def urls(self) -> Iterator[str]:
        """Yield every URL; none of a file on the Hub."""
        numbers = range(self.numbers[0], self.numbers[1] + 1) if self.numbers else ()
        fillings = self.names or numbers
        if self.url:
            yield from [self.url.format(each) for each in fillings] if fillings else [self.url]


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A data set, where it comes from and what it has to be."""

    name: str  # in `zoo data get`
    title: str  # what it is, in a line
    home: str  # its page
    license: str  # of the data
    benchmarks: tuple[str, ...]  # that can be opened once it is there, and are checked
    also: tuple[str, ...] = ()  # benchmarks of the same files, which need no check of their own
    folder: str = ""  # below the folder of data; the name by default
    files: tuple[RemoteFile, ...] = ()  # that are copied or unpacked
    builder: str = ""  # of zoo.data.catalog.builders, for what is not only copied
    reader: str = ""  # class of torchvision.datasets that reads the files
    access: str = ""  # how to get what is not free for all
    local: str = ""  # below the data set's folder: where a folder of one's own goes
    per_class: Mapping[str, int] = field(default_factory=dict)  # split -> samples of each class
    contents: str = ""  # sha256 over all images, see zoo.data.contents

    @property
    def path(self) -> str:
        """The folder below the folder of data."""
        return self.folder or self.name


@cache
def list_datasets() -> tuple[DatasetEntry, ...]:
    """Return all data sets that the zoo can write into a folder of data."""
    tables = tomllib.loads(ENTRIES.read_text(encoding="utf-8"))
    return tuple(
        msgspec.convert(table | {"name": name}, DatasetEntry) for name, table in tables.items()
    )


def get_dataset(name: str) -> DatasetEntry:
    """Return a data set by its name. Raises LookupError without one."""
    for entry in list_datasets():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in list_datasets())
    raise LookupError(f"no data set is called {name!r}; there are {known}")
