"""Read the weights that megvii-research/RevCol publishes, in a copy of its files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLASSES = 21841  # of ImageNet-22K, in data/build_data.py


def revcol(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the files of README.md's releases on GitHub, with its accuracy.

    data/build_data.py crops 224 of 256 pixels, and warps images to 384. Those of INTER_SUPV in
    configs/ have four classifiers; those of ImageNet-22K have no accuracy of their own. H is on the
    Hub alone, and not listed.
    """
    readme = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| RevCol-\w.*?\| (\d+)x\d+ \|.*?\| (\d+\.\d) \|(.*)$", readme, re.M)
    for pixels, accuracy, cells in rows:
        for url in re.findall(r"\[github\]\((\S+?\.pth)\)", cells):
            size, _, data = re.sub(r".*/revcol_|\.pth", "", url).partition("_")
            tuned, first = "1kft" in data, data == "22k"
            yield (
                f"revcol_{size}.authors_in{data.replace('1kft', 'ft_in1k')}",
                {
                    "url": url,
                    "sum": "",
                    "key_mapping": "megvii-research/RevCol" + ", supervised" * (not tuned),
                    "args": {}
                    if tuned
                    else {"inter_supv": True, **({"num_classes": CLASSES} if first else {})},
                    "license": "apache-2.0",
                    "relation": "official",
                    "note": NOTES[data.partition("_")[0] + "_tuned" * tuned],
                    "benchmarks": [] if first else ["imagenet/val"],
                    "preprocessing": images(224, CLASSES) if first else images(int(pixels), 1000),
                    "reported": []
                    if first
                    else [{"benchmark": "imagenet/val", "error": f"{100 - float(accuracy):.1f}"}],
                },
            )


NOTES = {
    "1k": "trained on ImageNet-1K; classifiers of three more columns",
    "22k": "trained on ImageNet-22K, whose classes it has; classifiers of three more columns",
    "22k_tuned": "trained on ImageNet-22K, fine-tuned on ImageNet-1K",
}


def images(pixels: int, classes: int) -> dict[str, Any]:
    """Return the preprocessing of an image."""
    return {
        "input_size": [3, pixels, pixels],
        "crop_pct": 0.875 if pixels == 224 else 1.0,
        "crop_mode": "center" if pixels == 224 else "squash",
        "interpolation": "bicubic",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "num_classes": classes,
    }
