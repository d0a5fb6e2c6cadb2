"""Data sets that are made, not only copied: by torchvision, `datasets`, scikit-learn and others.

name of the builder in entries.toml -> (entry, folder of downloads, folder to write)
"""

import inspect
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.catalog.entries import DatasetEntry
from zoo.data.catalog.files import fetch, hub_errors, link_or_copy

Builder = Callable[[DatasetEntry, Path, Path], None]
OPENWEBTEXT = "Skylion007/openwebtext"


def build_torchvision(entry: DatasetEntry, downloads: Path, folder: Path) -> None:
    """Write splits as parquet files, of files that torchvision finds where it would put them."""
    from torchvision import datasets

    for file in entry.files:
        (downloads / file.to).mkdir(parents=True, exist_ok=True)
        for path in fetch(entry, file, downloads):
            target = downloads / file.to / path.name
            target.unlink(missing_ok=True)
            link_or_copy(str(path), str(target))
    kind = getattr(datasets, entry.reader)
    takes_split = "split" in inspect.signature(kind).parameters
    for name in entry.benchmarks:
        split = BENCHMARKS[name].split
        which: dict[str, Any] = {"split": split} if takes_split else {"train": split == "train"}
        samples = kind(downloads, download=True, **which)  # unpacks, downloads nothing
        _write_parquet(
            samples, BENCHMARKS[name].columns, folder / f"{split}-00000-of-00001.parquet"
        )


def _write_parquet(samples: Iterable[Any], columns: tuple[str, str], path: Path) -> None:
    """Write (image, label) pairs as the Hub does: images as PNG."""
    import datasets

    image, label = columns
    rows: dict[str, list[Any]] = {image: [], label: []}
    for picture, number in samples:
        rows[image].append({"bytes": _png(picture), "path": None})
        rows[label].append(int(number))
    features = datasets.Features({image: datasets.Image(), label: datasets.Value("int64")})
    datasets.Dataset.from_dict(rows, features=features).to_parquet(path)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def build_openwebtext(entry: DatasetEntry, downloads: Path, folder: Path) -> None:
    """Write nanoGPT's validation split: one document in 2,000, as ids of GPT-2's tokenizer."""
    import datasets
    import numpy as np

    from zoo.data.tokenizers import get_tokenizer

    with hub_errors(OPENWEBTEXT):
        texts = datasets.load_dataset(OPENWEBTEXT, split="train", cache_dir=str(downloads))
    held_out = texts.train_test_split(test_size=0.0005, seed=2357, shuffle=True)["test"]
    tokenizer = get_tokenizer("gpt2")
    rows = ([*tokenizer.encode(row["text"]), tokenizer.end] for row in held_out)
    ids = np.concatenate([np.array(row, dtype="<u2") for row in rows])
    ids.tofile(folder / "validation.bin")


def build_lm_harness(entry: DatasetEntry, downloads: Path, folder: Path) -> None:
    """Write the documents of tasks: the splits that each task uses."""
    import datasets

    from zoo.data.lm_tasks import by_article, task_config, used_splits

    for name in entry.benchmarks:
        task = BENCHMARKS[name].split
        config = task_config(task)
        (folder / task).mkdir()
        with hub_errors(config["dataset_path"]):
            documents = datasets.load_dataset(
                config["dataset_path"], config.get("dataset_name"), cache_dir=str(downloads)
            )
        for split in used_splits(config):
            rows = documents[split]
            if task == "race_middle":
                rows = datasets.Dataset.from_list(by_article(rows))
            rows.to_parquet(folder / task / f"{split}.parquet")


def build_openml(entry: DatasetEntry, downloads: Path, folder: Path) -> None:
    """Write the tables that scikit-learn downloads from OpenML, the target as the last column.

    Raises:
        ValueError: A table did not arrive, or not whole.
    """
    from sklearn.datasets import fetch_openml

    from zoo.data.tabular import table_entries

    for name, table in table_entries().items():
        if table.file:  # the others come with scikit-learn
            try:
                fetched = fetch_openml(data_id=table.openml, as_frame=True, data_home=downloads)
            except (OSError, ValueError) as error:
                raise ValueError(f"{name} did not arrive from OpenML: {error}") from None
            frame = fetched.data.assign(target=fetched.target)
            frame.to_parquet(folder / f"{name}.parquet")


BUILDERS: dict[str, Builder] = {
    "torchvision": build_torchvision,
    "openwebtext": build_openwebtext,
    "lm_harness": build_lm_harness,
    "openml": build_openml,
}
