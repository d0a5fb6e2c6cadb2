"""Keys of published DnCNNs: SaoYan's, the authors' own in PyTorch, and theirs of KAIR, folded."""

from zoo.checkpoints.key_mapping import KeyMapping

MODELS = ("dncnn_*",)
AUTHORS = {"epsilon": 1e-4}

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", marks=("layers.0.weight",), models=MODELS),
    KeyMapping(
        name="cszn/DnCNN, in PyTorch",
        marks=("dncnn.0.bias", "dncnn.3.running_var"),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
        tries=(AUTHORS,),
    ),
    KeyMapping(
        name="SaoYan/DnCNN-PyTorch",
        marks=("dncnn.3.running_var",),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
        constants=("layers.0.bias",),
    ),
    KeyMapping(
        name="cszn/KAIR",
        marks=("model.3.running_var",),
        models=MODELS,
        renames=(("model.", "layers."),),
        tries=({**AUTHORS, "biases": "all"},),
    ),
    KeyMapping(
        name="cszn/KAIR, folded",
        marks=("model.2.bias",),
        models=MODELS,
        renames=(("model.", "layers."),),
        tries=({"biases": "all", "norm": False},),
    ),
]
