"""Keys of published IRCNNs: KAIR's, whose files hold 25 networks, for noise of 2, 4, ..., 50."""

from zoo.checkpoints.key_mapping import KeyMapping

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("layers.0.weight",), models=("ircnn_*",)),
    KeyMapping(
        name="cszn/KAIR",
        required_keys=("model.2.bias",),
        models=("ircnn_*",),
        renames=(("model.", "layers."),),
        candidate_args=({"norm": False},),
    ),
]
