"""Read what authors trained in Torch7 and list: in fb.resnet.torch, ResNeXt and functional-zoo."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.papers.weights import OTHER_RECIPE

Entries = Iterator[tuple[str, dict[str, Any]]]
ERRORS = r"\| +(\d+\.\d+) "


def fb_resnet(folder: Path) -> Entries:
    """Yield the ResNets of pretrained/README.md, with its errors at one crop.

    Its ResNet-50 adds before the last BatchNorm, and is no network of the zoo; its ResNet-200 is
    built by models/preresnet.lua.
    """
    readme = (folder / "pretrained/README.md").read_text(encoding="utf-8")
    table = readme.partition("1-crop error rates")[2].partition("10-crop")[0]
    for depth, url in re.findall(r"\[ResNet-(\d+)\]\((\S+\.t7)\)", readme):
        if depth == "50":
            continue
        row = re.search(rf"\| ResNet-{depth} +{ERRORS}.*?{ERRORS}", table)
        errors = dict(zip(("error", "top5_error"), row.groups() if row else (), strict=False))
        yield (
            f"{'pre' * (depth == '200')}resnet{depth}.fb_torch7",
            {
                "url": url,
                "key_mapping": "facebookarchive/fb.resnet.torch, in Torch7",
                "license": "bsd-3-clause",
                "relation": OTHER_RECIPE,
                "note": "of Facebook AI Research, with more augmentation than the paper's",
                **images(errors),
            },
        )


def resnext(folder: Path) -> Entries:
    """Yield the networks of README.md's table, with its errors."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        rf"\| ResNeXt-(\d+) \((\w+)\) +\| [^|]*{ERRORS} *\|[^|]*\((https://\S+\.t7)\)", readme
    )
    for depth, width, error, url in rows:
        yield (
            f"resnext{depth}_{width}.authors_torch7",
            {
                "url": url,
                "key_mapping": "facebookresearch/ResNeXt, in Torch7",
                "license": "cc-by-nc-4.0",
                "relation": "official",
                "note": "the authors' own",
                **images({"error": error}),
            },
        )


def functional_zoo(folder: Path) -> Entries:
    """Yield WRN-50-2 of README.md, exported for PyTorch, with its errors."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    ((url, digits),) = re.findall(
        r"'(https://\S+/wide-resnet-50-2-\S+-([0-9a-f]{8})\.pth)'", readme
    )
    ((error, top5_error),) = re.findall(r"\| WRN-50-2 \|[^|]*\| (\S+), (\S+) \|", readme)
    shown = images({"error": error, "top5_error": top5_error}, interpolation="bilinear")
    yield (
        "wide_resnet50_2.authors_folded",
        shown
        | {
            "url": url,
            "sum": f"sha256:{digits}",
            "args": {"folded": True},
            "key_mapping": "szagoruyko/functional-zoo, folded",
            "license": "unknown",
            "relation": "official",
            "note": "the first author's, BatchNorm folded; the repository has no license",
        },
    )


def images(errors: dict[str, str], interpolation: str = "bicubic") -> dict[str, Any]:
    """Return what all do to an image (datasets/imagenet.lua), and what they score."""
    seen = {"crop_pct": 0.875, "interpolation": interpolation}
    return {
        "sum": "",
        "benchmarks": ["imagenet/val"],
        "preprocessing": {
            "input_size": [3, 224, 224],
            **seen,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "num_classes": 1000,
        },
        "reported": [
            {"benchmark": "imagenet/val", "pixels": 224, **seen, "crop_pct": "0.875", **errors}
        ],
    }
