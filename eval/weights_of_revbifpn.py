"""Read the weights that CerebrasResearch/RevBiFPN publishes, in a copy of its README."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def revbifpn(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the files of README.md, with its accuracies and sums.

    Images are as timm's script shows them if nothing else is said, at the size of each network.
    """
    readme = (folder / "README.md").read_text(encoding="utf-8")
    row = r"RevBiFPN-(S\d) \|[^|]*\| +(\d+) +\|[^|]*\| +([\d.]+)% \| \[(\w{64})\]\((\S+)\)"
    for size, pixels, accuracy, digits, url in re.findall(row, readme):
        yield (
            f"revbifpn_{size.lower()}.authors_in1k",
            {
                "url": url,
                "sum": f"sha256:{digits}",
                "key_mapping": "CerebrasResearch/RevBiFPN",
                "license": "bsd-3-clause",
                "relation": "official",
                "note": "the crop is that of timm's script, which trained it; the README has none",
                "benchmarks": ["imagenet/val"],
                "preprocessing": {
                    "input_size": [3, int(pixels), int(pixels)],
                    "crop_pct": 0.875,
                    "interpolation": "bicubic",
                    "mean": [0.485, 0.456, 0.406],
                    "std": [0.229, 0.224, 0.225],
                    "num_classes": 1000,
                },
                "reported": [
                    {"benchmark": "imagenet/val", "error": f"{100 - float(accuracy):.1f}"}
                ],
            },
        )
