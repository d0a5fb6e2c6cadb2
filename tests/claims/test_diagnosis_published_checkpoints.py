"""Published checkpoints on published data: what is known to go wrong with them is named."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

import zoo
from tests.claims.test_diagnosis_super_resolution import inner
from zoo.claims.diagnosis import Search, explain
from zoo.claims.diagnosis.causes import UserSettings, select_causes
from zoo.claims.diagnosis.image_classification import ClassificationTarget
from zoo.data.benchmarks import BENCHMARKS


@pytest.fixture(scope="session")
def converted(zoo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A published checkpoint as safetensors."""
    from zoo.models._conversion import convert_file

    def convert(file: str) -> Path:
        to = tmp_path_factory.mktemp("converted") / "it.safetensors"
        return convert_file(zoo_data / "checkpoints" / file, to).path

    return convert


@pytest.mark.data
def test_explain_carn_m_rgb_score_reports_colour_cause(
    zoo_data: Path, converted: Callable[[str], Path]
) -> None:
    file = str(converted("carn_m/carn_m.pth"))
    model = zoo.create(file)
    scores = []
    pairs: Any = BENCHMARKS["set5/bi_x2"].open(zoo_data)
    for i in range(5):
        x = torch.from_numpy(np.array(pairs[i].small)).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            y = model(x, scale=2)[0].permute(1, 2, 0).clamp(0, 1)
        planes = [inner(image, 2) for image in ((255 * y).round().numpy(), pairs[i].large)]
        scores.append(peak_signal_noise_ratio(*(p.astype(float) for p in planes), data_range=255))
    number = f"{np.mean(scores):.2f}"
    explanation = explain(
        file, "set5/bi_x2", number, data=zoo_data, groups=("colour", "border", "range")
    )
    assert [result.cause for result in explanation.causes] == ["on RGB instead of Y"]
    assert f"{explanation.score:.2f}" == "37.68"


class First:
    """The first 1,000 of many."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]


@pytest.mark.data
def test_explain_akamaster_cifar_constants_reports_cause(
    zoo_data: Path, converted: Callable[[str], Path]
) -> None:
    from torchvision.transforms import Compose, Normalize, ToTensor

    file, args = str(converted("akamaster_cifar10/resnet20-12fca82f.th")), {"padding": "both"}
    model = zoo.create(file, **args)
    show = Compose([ToTensor(), Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))])
    benchmark = BENCHMARKS["cifar10_jpeg/test"]
    samples = First(benchmark.open(zoo_data))
    right = 0
    with torch.no_grad():
        for start in range(0, 1000, 100):
            images, labels = zip(*(samples[i] for i in range(start, start + 100)), strict=True)
            answers = model(torch.stack([show(image) for image in images])).argmax(1)
            right += int(answers.eq(torch.tensor(labels)).sum())
    constants = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    subject = ClassificationTarget(
        file, model, benchmark, samples, UserSettings(args, constants, None, 0)
    )
    search = Search(subject, "accuracy", Decimal(right) / 10, lambda done, total, what: None)
    search.try_causes(select_causes(subject, ("normalisation", "network")))
    explanation = search.explanation(file, benchmark.id, "")
    assert "with CIFAR-10's normalisation constants" in [
        result.cause for result in explanation.causes
    ]
    assert len(explanation.causes) <= 2
    assert not explanation.fits
