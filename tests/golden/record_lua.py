"""Golden logits of the authors' Lua Torch networks.

uv run --with lupa python tests/golden/record_lua.py --fb PATH --he PATH --wrn PATH --next PATH
    --pyramid PATH

Each PATH is a clone (or bare repository) of facebookarchive/fb.resnet.torch,
KaimingHe/resnet-1k-layers, szagoruyko/wide-residual-networks, facebookresearch/ResNeXt and
jhkim89/PyramidNet; any may be left out.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fill import layers_of
from record import HOW, measure, read, source, write
from torch7 import Layer, build, load

FB, HE = "facebookarchive/fb.resnet.torch", "KaimingHe/resnet-1k-layers"
WRN = "szagoruyko/wide-residual-networks"
NEXT = "facebookresearch/ResNeXt"
PYRAMID = "jhkim89/PyramidNet"
CIFAR, IMAGENET = {"size": 32, "batch": 2}, {"size": 224, "batch": 1}

# name in the zoo, its arguments, depth, data set, shortcutType
RESNET = [
    ("resnet20", {"shortcut": "A"}, 20, "cifar10", "A"),
    ("resnet20", {"shortcut": "B"}, 20, "cifar10", "B"),
    ("resnet56", {"shortcut": "A"}, 56, "cifar10", "A"),
    ("resnet18", {}, 18, "imagenet", "B"),
    ("resnet34", {"shortcut": "A"}, 34, "imagenet", "A"),
    ("resnet50", {}, 50, "imagenet", "B"),
]
PRERESNET = [
    ("preresnet20", {"shortcut": "A"}, 20, "cifar10", "A"),
    ("preresnet110", {"shortcut": "A"}, 110, "cifar10", "A"),
    ("preresnet110", {"shortcut": "B"}, 110, "cifar10", "B"),
    ("preresnet50", {}, 50, "imagenet", "B"),
    ("preresnet200", {}, 200, "imagenet", "B"),
]
HE_PREACT = [("preresnet164", 164), ("preresnet1001", 1001)]
# name, depth, widening factor
WIDE = [("wrn16_1", 16, 1), ("wrn16_4", 16, 4), ("wrn28_10", 28, 10), ("wrn40_2", 40, 2)]
# name, depth, data set, cardinality, width
RESNEXT = [
    ("resnext29_32x4d", 29, "cifar10", 32, 4),
    ("resnext29_8x64d", 29, "cifar10", 8, 64),
    ("resnext50_32x4d", 50, "imagenet", 32, 4),
    ("resnext50_8x14d", 50, "imagenet", 8, 14),
    ("resnext101_32x4d", 101, "imagenet", 32, 4),
]

# name, file, data set, depth, what its README has one write into the file by hand
BASIC = (("(depth - 2) / 9", "(depth - 2) / 6"), ("layer(bottleneck,", "layer(basicblock,"))
PYRAMIDS = [
    ("pyramidnet164_a48", "addpyramidnet.lua", "cifar10", 164, ()),
    ("pyramidnet110_m4_75", "mulpyramidnet.lua", "cifar10", 110, ()),
    ("pyramidnet110_a48", "addpyramidnet.lua", "cifar10", 110, BASIC),
    ("pyramidnet200_a300", "addpyramidnet.lua", "imagenet", 200, [("alpha = 48", "alpha = 300")]),
]


def golden(layer: Layer, ours: str, args: dict[str, Any], *, size: int, batch: int) -> dict:
    """A network of the shim -> its record."""
    model = build(layer)
    return measure(model, layers_of(model), ours=ours, args=args, size=size, batch=batch)


def facebook(create: Callable[..., Layer], nets: list[tuple]) -> dict[str, dict]:
    """Records of models/resnet.lua or models/preresnet.lua."""
    return {
        "_".join([ours, *args.values()]): golden(
            create(depth=depth, dataset=dataset, shortcutType=option, tensorType="torch.X"),
            ours,
            args,
            **(IMAGENET if dataset == "imagenet" else CIFAR),
        )
        for ours, args, depth, dataset, option in nets
    }


def kinds(layer: Layer) -> list[str]:
    """A path of a unit in short: ["bn", "relu", "conv3x3", ...]."""
    short = {"SpatialBatchNormalization": "bn", "SpatialConvolution": "conv"}
    return [
        short.get(m.kind, m.kind.lower()) + (f"{m.kW}x{m.kH}" if "Conv" in m.kind else "")
        for m in layer.walk()
        if m.kind != "Sequential"
    ]


def unit(block: Layer) -> dict[str, list[str]]:
    """What a unit holds before it forks, on its residual path and on its shortcut."""
    fork = next(m for m in block.children if m.kind == "ConcatTable")
    shared = block.children[: block.children.index(fork)]
    return {
        "shared": [kind for m in shared for kind in kinds(m)],
        "residual": kinds(fork.get(1)),
        "shortcut": kinds(fork.get(2)),
    }


def record_fb(repository: Path) -> None:
    for name, path, nets in [
        ("fb_resnet", "models/resnet.lua", RESNET),
        ("fb_preresnet", "models/preresnet.lua", PRERESNET),
    ]:
        records = facebook(load(read(repository, path), {}), nets)
        save(name, source(FB, repository, path), nets=records)


def record_he(repository: Path) -> None:
    path = "resnet-pre-act.lua"
    create = load(read(repository, path), {})
    records = {
        ours: golden(create(depth=depth, dataset="cifar10"), ours, {}, **CIFAR)
        for ours, depth in HE_PREACT
    }
    save("he_preact", source(HE, repository, path), nets=records)


def record_wrn(repository: Path) -> None:
    path = "models/wide-resnet.lua"
    files = {"utils.lua": read(repository, "models/utils.lua")}
    create = load(read(repository, path), files)
    records = {
        ours: golden(
            create(depth=depth, widen_factor=k, num_classes=10, dropout=0), ours, {}, **CIFAR
        )
        for ours, depth, k in WIDE
    }
    stage = create(depth=16, widen_factor=4, num_classes=10, dropout=0.3).get(2)
    units = {"projection": unit(stage.get(1)), "identity": unit(stage.get(2))}
    save("wrn", source(WRN, repository, path), unit_with_dropout=units, nets=records)


def record_next(repository: Path) -> None:
    path = "models/resnext.lua"
    create = load(read(repository, path), {})
    records = {
        ours: golden(
            create(
                depth=depth,
                dataset=dataset,
                cardinality=cardinality,
                baseWidth=width,
                bottleneckType="resnext_C",
                tensorType="torch.X",
            ),
            ours,
            {},
            **(IMAGENET if dataset == "imagenet" else CIFAR),
        )
        for ours, depth, dataset, cardinality, width in RESNEXT
    }
    save("resnext", source(NEXT, repository, path), nets=records)


def record_pyramid(repository: Path) -> None:
    records, files = {}, {}
    for ours, path, dataset, depth, edits in PYRAMIDS:
        code = files[path] = read(repository, path)
        for old, new in edits:
            assert old in code
            code = code.replace(old, new)
        layer = load(code, {})(depth=depth, dataset=dataset)
        records[ours] = golden(layer, ours, {}, **(IMAGENET if dataset == "imagenet" else CIFAR))
    where = [source(PYRAMID, repository, path) for path in files]
    edited = {ours: edits for ours, *_, edits in PYRAMIDS if edits}
    save("pyramidnet", where, edited=edited, nets=records)


def save(name: str, where: str | list[str], **facts: Any) -> None:
    write(name, source=where, made_by="tests/golden/record_lua.py", how=HOW, **facts)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    jobs = {"fb": record_fb, "he": record_he, "wrn": record_wrn, "next": record_next}
    jobs["pyramid"] = record_pyramid
    for key in jobs:
        parser.add_argument(f"--{key}", type=Path)
    for key, repository in vars(parser.parse_args()).items():
        if repository:
            jobs[key](repository)
