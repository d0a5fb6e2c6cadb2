"""Keys of published DnCNNs: SaoYan's, the authors' own in PyTorch, and theirs of KAIR, folded."""

from zoo.families.dncnn.model import EPSILON
from zoo.schemes import Scheme

MODELS = ("dncnn_*",)
EPSILON_OF_TORCH = 1e-5

SCHEMES = [
    Scheme(name="the zoo", marks=("layers.0.weight",), models=MODELS),
    Scheme(
        name="cszn/DnCNN, in PyTorch",
        marks=("dncnn.0.bias", "dncnn.3.running_var"),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
    ),
    Scheme(
        name="SaoYan/DnCNN-PyTorch",
        marks=("dncnn.3.running_var",),
        models=MODELS,
        renames=(("dncnn.", "layers."),),
        constants=("layers.0.bias",),
        changes=(
            (
                r"layers\.\d+\.running_var",
                lambda variance: variance + (EPSILON_OF_TORCH - EPSILON),
                lambda variance: variance - (EPSILON_OF_TORCH - EPSILON),
            ),
        ),
        note="their BatchNorms add 1e-5 to a variance, the zoo's 1e-4: variances became 9e-5 less",
    ),
    Scheme(
        name="cszn/KAIR",
        marks=("model.3.running_var",),
        models=MODELS,
        renames=(("model.", "layers."),),
        tries=({"biases": "all"},),
    ),
    Scheme(
        name="cszn/KAIR, folded",
        marks=("model.2.bias",),
        models=MODELS,
        renames=(("model.", "layers."),),
        tries=({"biases": "all", "norm": False},),
    ),
]
