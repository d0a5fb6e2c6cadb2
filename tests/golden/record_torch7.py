"""Where the authors' Lua networks have their layers, as Torch7 writes them to a file.

uv run --with lupa python tests/golden/record_torch7.py --fb PATH --next PATH

The PATHs are those of record_lua.py.
"""

import argparse
from pathlib import Path
from typing import Any

from record import read, source, write
from record_lua import FB, NEXT
from torch7 import Layer, load

IMAGENET = {"dataset": "imagenet", "shortcutType": "B", "tensorType": "torch.X"}
NEXT_OPTIONS = {"bottleneckType": "resnext_C", "cardinality": 32, "baseWidth": 4}


def tree(layer: Layer) -> Any:
    """A class, or for a container [class, its children]."""
    return [layer.name, [tree(child) for child in layer.children]] if layer.children else layer.name


def record(fb: Path, resnext: Path) -> None:
    nets, sources = {}, []
    for path, repository, name, ours, depths, options in [
        ("models/resnet.lua", fb, FB, "resnet{}", (18, 50), {}),
        ("models/preresnet.lua", fb, FB, "preresnet{}", (50,), {}),
        ("models/resnext.lua", resnext, NEXT, "resnext{}_32x4d", (50,), NEXT_OPTIONS),
    ]:
        create = load(read(repository, path), {})
        sources.append(source(name, repository, path))
        for depth in depths:
            nets[ours.format(depth)] = {"tree": tree(create(depth=depth, **IMAGENET, **options))}
    how = "The authors' file is executed as it is at that commit; [class, children] of its modules."
    write("torch7", source=sources, made_by="tests/golden/record_torch7.py", how=how, nets=nets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fb", type=Path, required=True)
    parser.add_argument("--next", type=Path, required=True)
    options = parser.parse_args()
    record(options.fb, options.next)
