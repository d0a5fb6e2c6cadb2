"""The plan: own records fit only the data that they were measured on; the estimated time."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.claims.plan import KINDS, estimate, kind, plan
from zoo.distributed import init
from zoo.evaluation import ledger
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Record
from zoo.evaluation.spec import EvalSpec
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.protocols import SuperResolutionProtocol

pytestmark = pytest.mark.usefixtures("nothing_published")


def measure(data: Path) -> Sequence[Record]:
    """Measure bicubic x2 on Set5 and return the records so far."""
    zoo.check("bicubic_x2", data=data, device="cpu")
    return [r for r in ledger.own().records() if r["benchmark"] == "set5/bi_x2"]


def test_check_other_image_of_same_name_is_measured_again(tmp_path: Path) -> None:
    folder = tmp_path / "set5"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 24, 24, 3), dtype=np.uint8)
    for name, pixels in zip("abcde", images, strict=False):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    assert len(measure(tmp_path)) == len(measure(tmp_path)) == 1
    before = (folder / "a.png").read_bytes()
    Image.fromarray(images[5]).save(folder / "a.png")
    first, second = measure(tmp_path)
    assert first["contents"] != second["contents"]
    assert first["scores"]["psnr"]["value"] != second["scores"]["psnr"]["value"]
    (folder / "a.png").write_bytes(before)
    assert measure(tmp_path) == [first, second]  # the older record fits again


@pytest.mark.slow
def test_check_other_text_of_same_name_is_measured_again(tmp_path: Path) -> None:
    folder = tmp_path / "wikitext2"
    folder.mkdir()

    def records(text: str) -> list[Record]:
        (folder / "test.txt").write_text(text, encoding="utf-8")
        zoo.check("gpt2_nano.zoo_peps", data=tmp_path, device="cpu")
        return [r for r in ledger.own().records() if r["benchmark"] == "wikitext2/test"]

    assert len(records("One text. " * 50)) == 1
    assert len(records("Two words. " * 50)) == 2


def test_estimate_times_each_kind_separately() -> None:
    """A network and interpolation, which has no multiply-adds, say nothing of each other; two
    networks of a kind differ as their multiply-adds and samples do, up to the limit."""
    small, large, *_ = specs = [
        EvalSpec(model="wrn16_1", weights="wrn16_1.zoo_digits", benchmark="digits/test"),
        EvalSpec(model="resnet20", weights="resnet20.zoo_digits", benchmark="digits/test"),
        EvalSpec(model="bicubic_x2", benchmark="photos/bi_x2", protocol=SuperResolutionProtocol()),
        EvalSpec(
            model="rcan_tiny_x2",
            weights="rcan_tiny_x2.zoo_photos",
            benchmark="photos/bi_x2",
            protocol=SuperResolutionProtocol(),
        ),
    ]
    first, *others = plan(specs, None, "fp32")
    steps = [replace(first, samples=1), *others]
    macs = {spec: stored_counts(get_entry(spec.model))["macs"] for spec in (small, large)}
    for limit, samples in ((0, others[0].samples), (1, 1)):
        seconds = estimate(steps, None, init("cpu"), EvalConfig(limit=limit))
        assert list(seconds) == sorted(specs, key=lambda spec: KINDS.index(kind(spec)))
        assert all(0 < value < 600 for value in seconds.values())
        ratio = samples * macs[large] / macs[small]
        assert seconds[large] / seconds[small] == pytest.approx(ratio)
