"""Keys of published DnCNNs: SaoYan's, the authors' own in PyTorch, and KAIR's, folded."""

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("dncnn_*",)
AUTHORS = {"epsilon": 1e-4}

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("layers.0.weight",), models=MODELS),
    KeyMapping(
        name="cszn/DnCNN, in PyTorch",
        required_keys=("dncnn.0.bias", "dncnn.3.running_var"),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
        candidate_args=(AUTHORS,),
    ),
    KeyMapping(
        name="SaoYan/DnCNN-PyTorch",
        required_keys=("dncnn.3.running_var",),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
        constants=("layers.0.bias",),
    ),
    KeyMapping(
        name="cszn/KAIR",
        required_keys=("model.3.running_var",),
        models=MODELS,
        renames=(("model.", "layers."),),
        candidate_args=({**AUTHORS, "biases": "all"},),
    ),
    KeyMapping(
        name="cszn/KAIR, folded",
        required_keys=("model.2.bias",),
        models=MODELS,
        renames=(("model.", "layers."),),
        candidate_args=({"biases": "all", "norm": False},),
    ),
]
