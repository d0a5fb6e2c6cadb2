"""Golden images of DRLN, RIDNet and GridFormer, from the Python files of authors and of BasicSR.

    python tests/golden/record_restoration.py FOLDER    of DRLN/, RIDNet/, GridFormer/ and BasicSR/

Writes restoration.json, in the form of sr.json. Small networks are the authors' files with another
number of channels.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from fill import drawn_by_name, images, sum_of_names
from record import HERE
from record_sr import Net, in_255, layers, measure, numbers, options, package
from torch import nn

DRLN = "saeed-anwar/DRLN@e43027910551fe989630a36c84f090efd6e08ad0:TestCode/code/model"
RIDNET = "saeed-anwar/RIDNet@d19ba1bb168f0e701588141c8db4a6f6ae973b3e:TestCode/code/model"
BASICSR = "XPixelGroup/BasicSR@8d56e3a045f9fb3e1d8872f92ee4a4f07f886b0a:basicsr/archs"
GRIDFORMER = "TaoWangzj/GridFormer@d0ec11c2bf3bb0f09e00059006523c4c44c535a0:basicsr/archs"
NARROW = 16  # channels
BLOCKS = (1, 2, 1)  # of the rows of GridFormer's grid


def drln(folder: Path, full: bool) -> Iterator[Net]:
    """The networks of every scale, with 64 channels or NARROW."""
    model = folder / "DRLN/TestCode/code/model"
    with tempfile.TemporaryDirectory() as copy:
        for name in ("drln.py", "ops.py"):
            text = (model / name).read_text()
            width = text.replace("chs=64", f"chs={64 if full else NARROW}")
            (Path(copy) / name).write_text(width)
        package("model", Path(copy))
        network = import_module("model.drln").DRLN
    for scale in (2, 3, 4, 8):
        net = network(options(scale=[scale]))
        args = {} if full else {"channels": NARROW}
        yield Net(f"DRLN-drln_x{scale}", net, in_255(net), f"drln_x{scale}", scale, args)


def ridnet(folder: Path) -> Iterator[Net]:
    """The authors' network and BasicSR's, with NARROW channels."""
    package("model", folder / "RIDNet/TestCode/code/model")
    network = import_module("model.ridnet").RIDNET
    net = network(options(n_feats=NARROW, reduction=16))
    yield Net("RIDNet-ridnet", net, in_255(net), "ridnet", 1, {"channels": NARROW})
    root = folder / "BasicSR/basicsr"
    package("basicsr", root)
    package("basicsr.archs", root / "archs")
    package("basicsr.utils", root / "utils", get_root_logger=None)
    package("basicsr.ops.dcn", root, ModulatedDeformConvPack=nn.Module, modulated_deform_conv=None)
    net = import_module("basicsr.archs.ridnet_arch").RIDNet(3, NARROW, 3)
    yield Net("BasicSR-ridnet", net, in_255(net), "ridnet", 1, {"channels": NARROW})


def gridformer(folder: Path) -> dict[str, Any]:
    """The record of a narrow GridFormer, which needs einops: numbers of its images by size.

    Its weights are drawn by the authors' names, of which a sum is kept.
    """
    root = folder / "GridFormer/basicsr"
    package("basicsr", root)
    package("basicsr.archs", root / "archs")
    package("basicsr.utils", root / "utils")
    network = import_module("basicsr.archs.GridFormer_arch").GridFormer
    model = network(dim=NARROW, num_blocks=list(BLOCKS)).double().eval()
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(drawn_by_name(shapes))
    found = {}
    for height, width in ((8, 16), (12, 20)):
        with torch.inference_mode():
            outputs = model(images(20)[..., :height, :width].abs() % 1)[::-1]
        found[f"{height}x{width}"] = [numbers(y) for y in outputs]
    args = {"channels": NARROW, "depths": BLOCKS}
    return {"args": args, "names": sum_of_names(shapes), "numbers": found}


def main() -> None:
    folder = Path(sys.argv[1])
    files = [(DRLN, "drln"), (DRLN, "ops"), (RIDNET, "ridnet"), (RIDNET, "ops"), (RIDNET, "common")]
    files += [(GRIDFORMER, "GridFormer_arch")]
    files += [(BASICSR, "ridnet_arch"), (BASICSR, "arch_util")]
    record = {
        "source": [f"{home}/{name}.py" for home, name in files],
        "made_by": "tests/golden/record_restoration.py",
        "upscalers": {net.key: measure(net) for net in drln(folder, False)},
        "denoisers": {net.key: measure(net) for net in ridnet(folder)},
        "gridformer": gridformer(folder),
        "full": {
            net.key: {"ours": net.ours, "layers": layers(net.model)} for net in drln(folder, True)
        },
    }
    (HERE / "restoration.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    main()
