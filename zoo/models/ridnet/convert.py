"""Keys of published RIDNets: the authors' and BasicSR's."""

from zoo.checkpoints.key_mapping import KeyMapping

MODULE = "body.#."

KEY_MAPPINGS = [
    KeyMapping(name="the zoo", required_keys=("body.0.0.branches.0.0.weight",), models=("ridnet",)),
    KeyMapping(
        name="saeed-anwar/RIDNet",
        required_keys=("b1.r1.body3.0.weight", "b1.ca.c2.body.0.weight"),
        models=("ridnet",),
        renames=(
            ("head.body.", "head."),
            ("b#+1.r1.body1.", f"{MODULE}0.branches.0."),
            ("b#+1.r1.body2.", f"{MODULE}0.branches.1."),
            ("b#+1.r1.body3.", f"{MODULE}0.fuse."),
            ("b#+1.r2.", f"{MODULE}1."),
            ("b#+1.r3.", f"{MODULE}2."),
            ("b#+1.ca.c1.body.0.", f"{MODULE}3.conv_du.0."),
            ("b#+1.ca.c2.body.0.", f"{MODULE}3.conv_du.2."),
        ),
    ),
    KeyMapping(
        name="BasicSR",
        required_keys=("body.0.merge.dilation1.0.weight",),
        models=("ridnet",),
        renames=(
            ("head.", "head.0."),
            (f"{MODULE}merge.dilation1.", f"{MODULE}0.branches.0."),
            (f"{MODULE}merge.dilation2.", f"{MODULE}0.branches.1."),
            (f"{MODULE}merge.aggregation.", f"{MODULE}0.fuse."),
            (f"{MODULE}block1.conv1.", f"{MODULE}1.body.0."),
            (f"{MODULE}block1.conv2.", f"{MODULE}1.body.2."),
            (f"{MODULE}block2.", f"{MODULE}2."),
            (f"{MODULE}ca.attention.1.", f"{MODULE}3.conv_du.0."),
            (f"{MODULE}ca.attention.3.", f"{MODULE}3.conv_du.2."),
        ),
    ),
]
