"""Read the weights that facebookresearch/deit publishes, in a copy of its files."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

TRAINING = {  # end of a file's name -> (tag, protocol, note)
    "no_dist": ("in1k", "imagenet", "400 epochs, no distillation"),
    "dist": ("distilled_in1k", "distilled", "distilled from a RegNetY-16GF"),
    "22k": ("in22k_ft_in1k", "imagenet-21k", "trained on ImageNet-21k first"),
    "dino": ("dino", "dino-knn", "without labels: no classifier to be judged"),
}
IMAGES = {
    "input_size": [3, 224, 224],
    "crop_pct": 0.9,
    "interpolation": "bicubic",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "num_classes": 1000,
}


def deit(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ResMLPs of README_resmlp.md and resmlp_models.py, with the README's accuracy.

    Those without labels (dino) have the accuracy of their nearest neighbours there, of no
    classifier.
    """
    readme = (folder / "README_resmlp.md").read_text(encoding="utf-8")
    code = (folder / "resmlp_models.py").read_text(encoding="utf-8")
    url = r"(https://\S+/resmlp(B?)_(\d+)_(\w+)\.pth)"
    accuracies = {
        match[1]: accuracy
        for accuracy, link in re.findall(r"\| ?(\d+\.\d+) \|[^\n]*\((\S+)\)", readme)
        if (match := re.fullmatch(url, link))
    }
    for link, big, layers, training in dict.fromkeys(re.findall(url, readme + code)):
        tag, protocol, note = TRAINING[training]
        known = training != "dino"
        error = {"error": str(100 - Decimal(accuracies[link]))} if link in accuracies else {}
        seen = {"pixels": 224, "crop_pct": "0.9", "interpolation": "bicubic"}
        yield (
            f"resmlp_{'big_' if big else ''}{layers}_224.deit_{tag}",
            {
                "url": link,
                "sum": "",
                "key_mapping": "facebookresearch/deit",
                "protocol": protocol,
                "license": "apache-2.0",
                "relation": "official",
                "note": f"the authors' own, {note}",
                "benchmarks": ["imagenet/val"] if known else [],
                "preprocessing": IMAGES,
                "reported": [{"benchmark": "imagenet/val", **seen, **error}]
                if known and error
                else [],
            },
        )
