"""Test sets beside ImageNet's: folders of classes, 200 for A and R, several labels for ReaL."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import datasets
import pytest
import torch
from timm.data import ImageNetInfo
from torch import nn

from tests.support.images import photo
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.imagenet_shifts import subset_classes
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.classification import ClassificationEvaluator

WNIDS = cast(Any, ImageNetInfo("imagenet-1k")).label_names()


@pytest.fixture
def resize(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    def resize(name: str, size: int) -> None:
        monkeypatch.setitem(BENCHMARKS, name, replace(BENCHMARKS[name], size=size))

    return resize


def write(folder: Path, classes: list[str]) -> None:
    """One image of each class."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        photo(8, 8).save(folder / name / "0.jpeg")


def labels(name: str, data: Path) -> list[Any]:
    samples: Any = BENCHMARKS[name].open(data)
    return [samples[i][1] for i in range(len(samples))]


@pytest.mark.parametrize("name", ["imagenet_a", "imagenet_r"])
def test_open_subset_labels_are_of_imagenet(
    resize: Callable[[str, int], None], tmp_path: Path, name: str
) -> None:
    classes = subset_classes(name.replace("_", "-"))
    assert len(set(classes)) == 200
    write(tmp_path / name, [WNIDS[label] for label in classes])
    resize(f"{name}/test", 200)
    assert labels(f"{name}/test", tmp_path) == classes


def test_open_v2_folders_are_numbers(resize: Callable[[str, int], None], tmp_path: Path) -> None:
    """Numbered by their order as text, 10 would be class 2."""
    write(tmp_path / "imagenet_v2", [str(label) for label in range(1000)])
    resize("imagenet_v2/test", 1000)
    samples: Any = BENCHMARKS["imagenet_v2/test"].open(tmp_path)
    assert [samples[i][1] for i in range(1000)] == [
        int(Path(samples.where(i)).parent.name) for i in range(1000)
    ]


def test_open_missing_class_raises(tmp_path: Path) -> None:
    write(tmp_path / "imagenet_a", WNIDS[:3])
    with pytest.raises(DatasetNotFoundError, match=r"has 3 folders of classes; .* has 200"):
        BENCHMARKS["imagenet_a/test"].open(tmp_path)


def test_open_real_labels_follow_names_of_parquet(
    resize: Callable[[str, int], None], tmp_path: Path
) -> None:
    """Four images of 50,000, one without labels; the Hub appends the wnid to a name."""
    from timm.data import RealLabelsImagenet

    real = cast(Any, RealLabelsImagenet)(range(50_000)).real_labels
    nothing = next(int(name[15:23]) for name, fitting in real.items() if not fitting)
    one, two, three = [int(name[15:23]) for name, fitting in real.items() if fitting][:3]
    numbers = [three, one, nothing, two]
    body = tmp_path / "x.jpeg"
    photo(8, 8).save(body)
    images = [
        {"bytes": body.read_bytes(), "path": f"ILSVRC2012_val_{n:08}_n01440764.JPEG"}
        for n in numbers
    ]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    rows = datasets.Dataset.from_dict({"image": images, "label": [0] * 4}, features=features)
    (tmp_path / "imagenet").mkdir()
    rows.to_parquet(tmp_path / "imagenet" / "validation-00000-of-00001.parquet")
    resize("imagenet/val", 4)
    resize("imagenet_real/val", 3)
    expected = [real[f"ILSVRC2012_val_{n:08}.JPEG"] for n in (three, one, two)]
    assert labels("imagenet_real/val", tmp_path) == expected


class Fixed(nn.Module):
    """Says classes 3, 1, 0, 2 of four, best first."""

    num_classes = 4

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([1.0, 2.0, 0.0, 3.0]).expand(len(x), 4)


@pytest.mark.parametrize(
    ("subset", "label", "wrong"),
    [(None, 3, 0), (None, 1, 1), ((0, 1, 2), 1, 0), (None, [1, 3], 0), (None, [0, 1], 1)],
)
def test_evaluator_tells_classes_of_subset_apart(
    subset: tuple[int, ...] | None, label: Any, wrong: int
) -> None:
    evaluator = ClassificationEvaluator(
        Fixed(), [(None, label)], lambda image: [torch.zeros(1, 3, 2, 2)], subset
    )
    assert evaluate(evaluator)["scores"]["error"]["count"] == wrong
