"""Keys of published RCANs."""

from zoo.schemes import Scheme

SHIFTS = ("sub_mean.", "add_mean.")

SCHEMES = [
    Scheme(
        name="yulunzhang/RCAN, spandrel, the zoo",
        marks=("body.0.body.0.body.3.conv_du.0.weight", "sub_mean.weight"),
        models=("rcan_*",),
    ),
    *(
        Scheme(
            name="BasicSR",
            marks=("body.0.residual_group.0.rcab.0.weight",),
            models=models,
            renames=(
                (r"conv_first\.", "head.0."),
                (
                    r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.([02])\.",
                    r"body.\1.body.\2.body.\3.",
                ),
                (
                    r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.3\.attention\.1\.",
                    r"body.\1.body.\2.body.3.conv_du.0.",
                ),
                (
                    r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.3\.attention\.3\.",
                    r"body.\1.body.\2.body.3.conv_du.2.",
                ),
                (r"body\.(\d+)\.conv\.", rf"body.\1.body.{blocks}."),
                (r"conv_after_body\.", f"body.{groups}."),
                (r"upsample\.", "tail.0."),
                (r"conv_last\.", "tail.1."),
            ),
            constants=SHIFTS,
        )
        for models, groups, blocks in ((("rcan_x*",), 10, 20), (("rcan_tiny_*",), 2, 4))
    ),
]
