"""Keys of published Inception-ResNets and Inception-v4s. timm's are the zoo's own."""

from collections.abc import Iterator

from zoo.checkpoints.key_mapping import KeyMapping, Pair

STEM = ("1a", "2a", "2b", "3b", "4a", "4b")  # conv2d_..
DEPTHS = {"inception_resnet_v1": (5, 10, 6), "inception_resnet_v2": (10, 20, 10)}
LONE = "branches.branch1.conv_list.conv1."  # a sequence of one, in pytorchcv's first reduction
FORKS = {  # Inception-C
    "branch2.conv_list.conv1.": "branch1_0.",
    "branch3.conv_list.conv#+1.": "branch2_#.",
    **{
        f"branch{i}.{theirs}.": f"branch{ours}{side}."
        for i, ours in ((2, "1_1"), (3, "2_3"))
        for theirs, side in (("conv1x3", "a"), ("conv3x1", "b"))
    },
}


def unit(theirs: str, ours: str, *, pooled: bool = False) -> Iterator[Pair]:
    """Yield the renames of branches side by side; if `pooled`, the fourth begins with a pool."""
    if pooled:
        yield f"{theirs}branches.branch4.conv.", f"{ours}branch3.1."
    yield f"{theirs}branches.branch#+1.conv_list.conv#+1.", f"{ours}branch#.#."
    yield f"{theirs}branches.branch#+1.conv.", f"{ours}branch#."
    yield f"{theirs}conv.", f"{ours}conv2d."


def resnet(model: str) -> Iterator[Pair]:
    """Yield the renames of an Inception-ResNet."""
    for i, name in enumerate(STEM, 1):
        yield f"features.init_block.conv{i}.", f"conv2d_{name}."
    yield from unit("features.init_block.block.", "mixed_5b.", pooled=True)
    for i, depth in enumerate(DEPTHS[model]):
        stage, name = f"features.stage{i + 1}.", f"repeat_{i}" if i else "repeat"
        if i:
            mixed = f"mixed_{5 + i}a."
            if i == 1:
                yield f"{stage}unit1.{LONE}", f"{mixed}branch0."
            yield from unit(f"{stage}unit1.", mixed)
        for j in range(depth):
            is_last = (i, j) == (2, depth - 1)
            ours = "block8." if is_last else f"{name}.{j}."
            yield from unit(f"{stage}unit{j + 1 + bool(i)}.", ours)
    yield "features.final_conv.", "conv2d_7b."
    yield f"output.fc{'2' if model.endswith('v1') else ''}.", "classif."
    yield from (("output.fc1.", "last_linear."), ("output.bn.", "last_bn."))


def inception_v4() -> Iterator[Pair]:
    """Yield the renames of Inception-v4."""
    for i in range(3):
        yield f"features.init_block.conv{i + 1}.", f"features.{i}."
    yield "features.init_block.block1.branches.branch2.conv.", "features.3.conv."
    yield from unit("features.init_block.block2.", "features.4.")
    yield "features.init_block.block3.branches.branch1.conv.", "features.5.conv."
    yield f"features.stage2.unit1.{LONE}", "features.10.branch0."
    for i, (first, count) in enumerate(((6, 4), (10, 8), (18, 4)), 1):
        for j in range(count):
            theirs, ours = f"features.stage{i}.unit{j + 1}.", f"features.{first + j}."
            if i == 3 and j:
                for fork, name in FORKS.items():
                    yield f"{theirs}branches.{fork}", f"{ours}{name}"
            yield from unit(theirs, ours, pooled=i == 1 or j > 0)
    yield "output.fc.", "last_linear."


KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        models=("inception_v4",),
        required_keys=("features.21.branch2_3b.conv.weight", "last_linear.weight"),
    ),
    KeyMapping(
        name="timm",
        models=("inception_resnet_v2",),
        required_keys=("block8.conv2d.weight", "classif.weight", "conv2d_7b."),
    ),
    KeyMapping(
        name="pytorchcv",
        models=("inception_v4",),
        required_keys=("features.stage3.unit4.branches.branch3.conv3x1.conv.weight",),
        renames=tuple(inception_v4()),
    ),
    KeyMapping(
        name="pytorchcv",
        models=("inception_resnet_v2",),
        required_keys=("features.init_block.block.branches.branch1.", "features.final_conv."),
        renames=tuple(resnet("inception_resnet_v2")),
    ),
    KeyMapping(
        name="pytorchcv",
        models=("inception_resnet_v1",),
        required_keys=("features.init_block.conv6.conv.weight", "output.fc1.weight"),
        renames=tuple(resnet("inception_resnet_v1")),
        candidate_args=({"embedding": 512},),
        transforms=(
            (
                r"last_linear\.weight",
                lambda weight: weight[..., None, None],
                lambda weight: weight[..., 0, 0],
            ),
        ),
    ),
]
