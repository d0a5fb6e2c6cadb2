"""Keys of the authors' Torch code and of pytorchcv."""

from zoo.checkpoints.key_mapping import KeyMapping

BLOCK = "stages.#.blocks.#."
KEY_MAPPINGS = [
    KeyMapping(
        name="Lyken17/SparseNet",
        models=("sparsenet*_k*",),
        required_keys=("features.dense-stage-0.block-1.bn1.weight", "features.norm_last.weight"),
        renames=(
            ("features.conv0.", "conv1."),
            ("features.dense-stage-#.block-#+1.", BLOCK),
            ("features.transition-#.", "stages.#+1.transition."),
            ("features.norm_last.", "bn."),
            ("classifier.linear.", "fc."),
        ),
    ),
    KeyMapping(
        name="pytorchcv",
        models=("sparsenet121", "sparsenet161", "sparsenet169", "sparsenet201", "sparsenet264"),
        required_keys=("features.stage1.blocks.block1.conv1.bn.weight", "features.post_activ.bn."),
        renames=(
            ("features.init_block.conv.", "conv1."),
            ("features.init_block.bn.", "bn1."),
            ("features.stage#+1.blocks.block#+1.conv#.bn.", f"{BLOCK}bn#."),
            ("features.stage#+1.blocks.block#+1.conv#.conv.", f"{BLOCK}conv#."),
            ("features.stage#+1.trans.conv.bn.", "stages.#.transition.bn1."),
            ("features.stage#+1.trans.conv.conv.", "stages.#.transition.conv1."),
            ("features.post_activ.bn.", "bn."),
            ("output.", "fc."),
        ),
    ),
]
