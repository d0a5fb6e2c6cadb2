"""Keys of published DnCNNs: SaoYan's, the authors' own in PyTorch and MatConvNet, KAIR's.

DnCNN-3 has the tensors of DnCNN-B, so that a file of either needs `--model`.
"""

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("dncnn_*",)
WITH_NORM = ("dncnn_s", "dncnn_b", "dncnn_cb", "dncnn_tiny")  # DnCNN-3 is published without
AUTHORS = {"epsilon": 1e-4}
FOLDED = {"biases": "all", "norm": False}

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("layers.0.weight",), models=MODELS),
    KeyMapping(
        name="cszn/DnCNN, in PyTorch",
        required_keys=("dncnn.0.bias", "dncnn.3.running_var"),
        models=WITH_NORM,
        renames=(("dncnn.", "layers."),),
        candidate_args=(AUTHORS,),
    ),
    KeyMapping(
        name="SaoYan/DnCNN-PyTorch",
        required_keys=("dncnn.3.running_var",),
        models=WITH_NORM,
        renames=(("dncnn.", "layers."),),
        constants=("layers.0.bias",),
    ),
    KeyMapping(
        name="cszn/KAIR",
        required_keys=("model.3.running_var",),
        models=WITH_NORM,
        renames=(("model.", "layers."),),
        candidate_args=({**AUTHORS, "biases": "all"},),
    ),
    KeyMapping(
        name="cszn/KAIR, folded",
        required_keys=("model.2.bias",),
        models=MODELS,
        renames=(("model.", "layers."),),
        candidate_args=(FOLDED,),
    ),
    KeyMapping(
        name="cszn/DnCNN, in MatConvNet",
        required_keys=("net.layers.0.filters",),
        models=MODELS,
        renames=(
            ("net.layers.#.filters", "layers.#.weight"),
            ("net.layers.#.biases", "layers.#.bias"),
        ),
        candidate_args=(FOLDED,),
    ),
]
