"""Images that are read while they are learnt: what is seen depends on seed, epoch and place."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.optim import SGD

from configs.digits import PREPROCESSING
from tests.support.patching import replace_everywhere
from zoo import training
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.training import Recipe, cosine, image_streaming
from zoo.training.image_streaming import Augmentation, Lighting, StreamedImageClassification
from zoo.training.objective import Shard

CFG = {**PREPROCESSING, "input_size": (3, 16, 16)}
MANY = Augmentation(color_jitter=0.4, lighting=0.1, random_erasing=0.5)
RAND = Augmentation(auto_augment="rand-m7-mstd0.5-inc1", interpolation="random")
Batches = list[tuple[torch.Tensor, torch.Tensor]]


def stream(batch_size: int = 60, **options: Any) -> image_streaming.ImageStream:
    return StreamedImageClassification(**{"workers": 0, **options}).load(
        "digits/test", batch_size, CFG, None
    )


def seen(stream: image_streaming.ImageStream, *args: Any, seed: int = 0) -> Batches:
    return list(stream.batches(torch.Generator().manual_seed(seed), *args))


def same(some: Batches, others: Batches) -> bool:
    pairs = zip(some, others, strict=True)
    return all(torch.equal(x, a) and torch.equal(y, b) for (x, y), (a, b) in pairs)


@pytest.mark.parametrize("augmentation", [MANY, RAND], ids=["many", "rand"])
def test_batches_from_any_step_match_whole_epoch(augmentation: Augmentation) -> None:
    options = {"augmentation": augmentation, "mixup": 0.2, "cutmix": 1.0}
    whole = seen(stream(**options))
    assert [x.shape for x, _ in whole] == [(60, 3, 16, 16)] * 6
    assert len({float(y[y < 1].max()) for _, y in whole if (y < 1).any()}) > 2  # mixed anew
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    assert same(seen(stream(**options), 4), whole[4:])
    assert not same(seen(stream(**options), seed=1), whole)


def test_batches_skipped_steps_read_no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = image_streaming.Epoch.image
    monkeypatch.setattr(
        image_streaming.Epoch, "image", lambda self, place: read.append(place) or real(self, place)
    )
    seen(stream(), 5)
    assert read == list(range(300, 360))


def test_batches_two_workers_match_one_process() -> None:
    options = {"augmentation": MANY, "mixup": 0.2}
    assert same(seen(stream(90, workers=2, **options)), seen(stream(90, **options)))


@pytest.mark.parametrize("size", [2, 3])
def test_batches_shards_join_to_whole_batch(size: int) -> None:
    """Pairs that are mixed stay together, so that the shards are those of the whole batch."""
    options = {"augmentation": MANY, "mixup": 0.8, "cutmix": 1.0}
    (images, targets), *_ = seen(stream(**options))
    shards = [seen(stream(**options), 0, Shard(rank, size))[0] for rank in range(size)]
    assert [len(x) for x, _ in shards] == [60 // size] * size
    rows = {x.numpy().tobytes(): y for x, y in zip(images, targets, strict=True)}
    actual = {x.numpy().tobytes(): y for shard in shards for x, y in zip(*shard, strict=True)}
    assert len(rows) == 60
    assert rows.keys() == actual.keys()
    assert all(torch.equal(rows[key], actual[key]) for key in rows)


def test_batches_leave_global_rng_unchanged() -> None:
    def states() -> list[Any]:
        numpy = np.random.get_state()[1].tolist()  # type: ignore[index]
        return [random.getstate(), numpy, torch.get_rng_state().tolist()]

    before = states()
    seen(stream(augmentation=MANY, mixup=0.2))
    assert states() == before


def test_batches_repeats_show_a_third_of_images_three_times() -> None:
    plain = Augmentation(scale=(1.0, 1.0), ratio=(1.0, 1.0))

    def pictures(**options: Any) -> list[bytes]:
        """Less what mirroring changes."""
        images = torch.cat([x for x, _ in seen(stream(augmentation=plain, **options))])
        return [(x + x.flip(2)).numpy().tobytes() for x in images]

    once, thrice = pictures(), pictures(num_aug_repeats=3)
    assert len(set(once)) > 350  # some scans are alike
    assert len(thrice) == 360
    assert 110 < len(set(thrice)) <= 120
    assert thrice[0] == thrice[1] == thrice[2] != thrice[3]


def test_batches_repeated_images_are_augmented_differently() -> None:
    (images, labels), *_ = seen(stream(num_aug_repeats=3))
    assert labels[0] == labels[1] == labels[2]
    assert not torch.equal(images[0], images[1])


def test_objective_loss_and_errors_match_formula() -> None:
    output, labels = torch.randn(6, 10), torch.arange(6)
    soft = 0.7 * F.one_hot(labels, 10) + 0.3 * F.one_hot(labels.flip(0), 10)
    smoothed = 0.9 * F.one_hot(labels, 10) + 0.01
    assert torch.allclose(
        StreamedImageClassification(smoothing=0.1).loss(output, labels),
        F.cross_entropy(output, smoothed),
    )
    assert torch.allclose(
        StreamedImageClassification(smoothing=0.1).loss(output, soft), F.cross_entropy(output, soft)
    )
    yes = F.one_hot(labels, 10).float()
    both = yes + F.one_hot(labels.flip(0), 10)
    decide: Callable[..., torch.Tensor] = F.binary_cross_entropy_with_logits
    objective = StreamedImageClassification(smoothing=0.1, bce_target_threshold=0.2)
    assert torch.allclose(objective.loss(output, labels), decide(output, yes))
    assert torch.allclose(objective.loss(output, soft), decide(output, both))
    objective = StreamedImageClassification(bce_target_threshold=0.5)
    assert torch.allclose(objective.loss(output, soft), decide(output, yes))
    right = F.one_hot(labels, 10).float()
    assert objective.metric_sum(right, soft) == objective.metric_sum(right, labels) == 0
    assert objective.metric_sum(right.flip(0), labels) == 600


def test_augmentation_short_side_is_drawn_between_bounds() -> None:
    """A ramp from 0 to 1 is the steeper the smaller it was made before it was cut."""
    ramp = np.tile(np.linspace(0, 255, 100).astype(np.uint8), (100, 1))
    image = Image.fromarray(np.stack([ramp] * 3, -1))
    cfg = CFG | {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    transform = Augmentation(short_side=(20, 80)).transform(cfg)
    slopes = []
    for i in range(60):
        with image_streaming.seeded(i):
            cut = transform(image)
        assert cut.shape == (3, 16, 16)
        slopes.append(float((cut[0, 8, 12] - cut[0, 8, 4]).abs()) / 8)
    assert 0.9 / 80 < min(slopes) < 1.3 / 80
    assert 0.8 / 20 < max(slopes) < 1.1 / 20


def test_lighting_colour_covariance_matches_components() -> None:
    image = torch.rand(3, 5, 4)
    colours = []
    for i in range(4000):
        with image_streaming.seeded(i):
            colours.append(Lighting(0.1)(image) - image)
    assert all(torch.allclose(c, c[:, :1, :1].expand_as(c), atol=1e-6) for c in colours[:20])
    drawn = torch.stack([c[:, 0, 0] for c in colours])
    expected = (
        image_streaming.COMPONENTS
        @ torch.diag((0.1 * image_streaming.DEVIATIONS) ** 2)
        @ image_streaming.COMPONENTS.T
    )
    assert torch.allclose(drawn.T.cov(), expected, atol=3e-5)
    assert expected.diagonal().min() > 1e-4


def test_load_invalid_batch_size_raises() -> None:
    with pytest.raises(DatasetNotFoundError, match="of 400 images, and there are 360"):
        stream(400)
    with pytest.raises(ValueError, match="must be even, not 45"):
        stream(45, cutmix=1.0)


def test_objective_repr_omits_workers() -> None:
    assert repr(StreamedImageClassification(workers=3)) == repr(StreamedImageClassification())


def test_open_imagenet_train_folders_reads_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        DatasetNotFoundError, match=r"imagenet/train-\*\.parquet or imagenet/train/<wnid>"
    ):
        BENCHMARKS["imagenet/train"].open(tmp_path)
    few = replace(BENCHMARKS["imagenet/train"], size=2)
    for split, number in (("train", 2), ("val", 1)):
        for i in range(number):
            file = tmp_path / "imagenet" / split / f"n0{i}" / "a.JPEG"
            file.parent.mkdir(parents=True)
            Image.new("RGB", (20, 30), (i, 0, 0)).save(file)
    replace_everywhere(monkeypatch, "zoo.data.imagenet.open_wnids", open_any)
    assert [label for _, label in few.open(tmp_path)] == [0, 1]  # type: ignore[attr-defined]


def open_any(path: Path) -> Any:
    from zoo.data.imagenet import open_classes

    return open_classes(path)


def test_train_on_stream_lowers_error(tmp_path: Path) -> None:
    recipe = Recipe(
        name="stream",
        model="wrn16_1",
        args={"depth": 10},
        dataset="digits/test",
        preprocessing=CFG,
        epochs=4,
        batch_size=36,
        lr=0.1,
        objective=StreamedImageClassification(
            Augmentation(scale=(0.7, 1.0)), smoothing=0.1, workers=0
        ),
        optimizer=partial(SGD, momentum=0.9),
        schedule=cosine(),
        source="a test",
    )
    run = training.train(recipe, seed=0, out=tmp_path, quiet=True)
    assert run.history[-1]["error"] < 60 < run.history[0]["error"]


def test_lighting_components_are_orthonormal() -> None:
    """As principal components are; the numbers were printed with four digits."""
    product = image_streaming.COMPONENTS.T @ image_streaming.COMPONENTS
    assert torch.allclose(product, torch.eye(3), atol=2e-4)
