"""Keys of published CARNs."""

from zoo.checkpoints.key_mapping import KeyMapping

INNER = (
    ("sub_mean.shifter.", "sub_mean."),
    ("add_mean.shifter.", "add_mean."),
    ("entry.", "head.0."),
    ("exit.", "tail.0."),
    *(
        (f"b{block}.{kind}{unit}.body.", f"body.units.{block - 1}.{part}.{unit - 1}.{end}")
        for block in (1, 2, 3)
        for unit in (1, 2, 3)
        for kind, part, end in (("b", "units", "body."), ("c", "fusions", ""))
    ),
    *((f"c{unit}.body.", f"body.fusions.{unit - 1}.") for unit in (1, 2, 3)),
    ("upsample.up#.body.", "upsample.x#."),
)

KEY_MAPPINGS = [
    KeyMapping(
        name="the zoo", required_keys=("body.units.0.units.0.body.0.weight",), models=("carn*",)
    ),
    KeyMapping(
        name="nmhkahn/CARN-pytorch",
        required_keys=("b1.b1.body.0.weight", "entry.weight", "upsample.up2."),
        models=("carn", "carn_m"),
        renames=INNER,
    ),
    *(
        KeyMapping(
            name="nmhkahn/CARN-pytorch, one scale",
            required_keys=("b1.b1.body.0.weight", "entry.weight", "upsample.up."),
            models=(f"carn_x{scale}", f"carn_m_x{scale}"),
            renames=(("upsample.up.body.", f"upsample.x{scale}."), *INNER),
        )
        for scale in (2, 3, 4)
    ),
]
