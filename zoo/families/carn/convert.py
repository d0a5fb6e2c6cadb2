"""Keys of published CARNs."""

from zoo.schemes import Scheme

INNER = (
    (r"(sub|add)_mean\.shifter\.", r"\1_mean."),
    (r"entry\.", "head.0."),
    (r"exit\.", "tail.0."),
    *(
        (rf"b{block}\.{kind}{unit}\.body\.", rf"body.units.{block - 1}.{part}.{unit - 1}.{end}")
        for block in (1, 2, 3)
        for unit in (1, 2, 3)
        for kind, part, end in (("b", "units", "body."), ("c", "fusions", ""))
    ),
    *((rf"c{unit}\.body\.", rf"body.fusions.{unit - 1}.") for unit in (1, 2, 3)),
    (r"upsample\.up([234])\.body\.", r"upsample.x\1."),
)

SCHEMES = [
    Scheme(name="the zoo", marks=("body.units.0.units.0.body.0.weight",), models=("carn*",)),
    Scheme(
        name="nmhkahn/CARN-pytorch",
        marks=("b1.b1.body.0.weight", "entry.weight", "upsample.up2."),
        models=("carn", "carn_m"),
        renames=INNER,
    ),
    *(
        Scheme(
            name="nmhkahn/CARN-pytorch, one scale",
            marks=("b1.b1.body.0.weight", "entry.weight", "upsample.up."),
            models=(f"carn_x{scale}", f"carn_m_x{scale}"),
            renames=(*INNER, (r"upsample\.up\.body\.", f"upsample.x{scale}.")),
        )
        for scale in (2, 3, 4)
    ),
]
