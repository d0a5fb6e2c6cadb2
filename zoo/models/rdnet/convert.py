"""Keys of published RDNets. timm's are the zoo's own; the two differ in the epsilon of the head's
norm, which is in no tensor: a file of either becomes the authors' network."""

from zoo.checkpoints.key_mapping import KeyMapping

EPSILON = "the epsilon of the head's norm, in no tensor, is 1e-6 in timm, 1e-5 in the authors' code"

KEY_MAPPINGS = [
    KeyMapping(
        name="timm",
        required_keys=("stem.0.weight", "dense_stages.0.0."),
        models=("rdnet_*",),
        caveat=EPSILON,
    ),
    KeyMapping(
        name="naver-ai/rdnet",
        required_keys=("stem.stem.0.weight", "dense_stages.0.0."),
        models=("rdnet_*",),
        renames=(("stem.stem.", "stem."),),
    ),
]
