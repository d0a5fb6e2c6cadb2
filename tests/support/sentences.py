"""Files of sentences with made-up words: the first word shows the class."""

from pathlib import Path

from zoo.data.sentences import sentence_sets


def write_set(data: Path, name: str) -> Path:
    """Write the files of a data set below a folder of data; return their folder."""
    entry, folder = sentence_sets()[name], data / "sentences"
    folder.mkdir(parents=True)
    whole = entry.train if entry.test_file else entry.train + entry.test
    for file, size in ((entry.file, whole), (entry.test_file, entry.test)):
        if file:
            lines = (
                f"{i % entry.classes} Word{i % entry.classes} of {i % 7} ?" for i in range(size)
            )
            (folder / file).write_text("\n".join(lines) + "\n")
    return folder
