"""Golden logits, bounds, losses and gradients of the authors' LiResNet, from their Python files.

uv run python tests/golden/record_liresnet.py GLORO LIRESNET    clones (or bare repositories) of
klasleino/gloro, whose snapshots/hu23_snapshot.zip has the networks, and of hukkai/liresnet, which
has the loss EMMA
"""

import io
import sys
import tempfile
import zipfile
from pathlib import Path
from subprocess import run
from types import SimpleNamespace
from typing import Any

import torch
from fill import drawn_by_name, images
from record import read, source, write

REPOSITORY, FILE = "klasleino/gloro", "snapshots/hu23_snapshot.zip"
EMMA, LOSSES = "hukkai/liresnet", "models/margin_layer.py"
TARGET, EPSILON = [3, 1, 4, 1], 0.14117647
NETS: dict[str, dict[str, Any]] = {
    "linear": {"arch": "linear_res", "depth": 3, "width": 6, "input_size": 32},
    "linear64": {"arch": "linear_res", "depth": 2, "width": 4, "input_size": 64},
    "linear224": {"arch": "linear_res", "depth": 1, "width": 588, "input_size": 224},
    "basic": {"arch": "basic_res", "depth": 2, "width": 6, "input_size": 32},
}
HOW = (
    "The authors' files are executed in float64 on the CPU. Two things are mended: the power "
    "iteration starts from a copy of its vector, which the code overwrites before the backward "
    "pass reads it, and basic_res has vectors of 16x16, its images, instead of 32x32. Every "
    "tensor, the vectors too, is drawn by its name (tests/golden/fill.py: drawn_by_name); the "
    "input is images(side, 4), to which the authors' networks get 0.5 added, since they take it "
    "off. `fixed` is margin_layer_v2's loss and `gradients` the sums of absolute values of its "
    "gradients, after ten steps; `bound` is sub_lipschitz() without batches after ten more, and "
    "with it `robust` is whether the best class beats margin_layer's last one, that of a "
    "perturbation, and `emma` is emma_loss of the head commit of hukkai/liresnet. Of 224 "
    "pixels there are the logits of one image."
)


def snapshot(repository: Path) -> bytes:
    """Return the zip file as it is in the repository's last commit."""
    command = ["git", "-C", str(repository), "show", f"HEAD:{FILE}"]
    return run(command, check=True, capture_output=True).stdout


def measure(models: Any, emma: Any, args: dict[str, Any]) -> dict[str, Any]:
    model = models.GloroNet(num_classes=10, use_batch_lipschitz=False, **args).double().eval()
    for block in model.backbone if args["arch"] == "basic_res" else ():
        for layer in getattr(block, "residual", ()):
            if hasattr(layer, "init_x"):
                layer.init_x = layer.init_x[..., :16, :16].clone()
    shapes = {k: tuple(v.shape) for k, v in model.state_dict().items() if "identity" not in k}
    model.load_state_dict(drawn_by_name(shapes), strict=False)
    if args["input_size"] == 224:
        with torch.no_grad():
            return {"args": args, "logits": model(images(224, 1) + 0.5).tolist()}
    x = images(args["input_size"], len(TARGET)) + 0.5
    target, wrapped = torch.tensor(TARGET), torch.nn.DataParallel(model)
    losses = models.margin_layer_v2(wrapped, x, target, EPSILON)
    losses[2].backward()
    gradients = {k: p.grad.abs().sum().item() for k, p in model.named_parameters()}
    with torch.no_grad():
        again = model.sub_lipschitz()
        y, extended, _ = models.margin_layer(wrapped, x, EPSILON, target, subL=again)
        head = SimpleNamespace(get_weight=lambda: torch.nn.functional.normalize(model.head.weight))
        stub: Any = type("Stub", (), {"head": head, "__call__": lambda self, x: model(x)})()
        adaptive = emma(stub, x, target, EPSILON, lc=again)[2]
    return {
        "args": args,
        "logits": y.tolist(),
        "bound": again.item(),
        "fixed": losses[2].item(),
        "gradients": gradients,
        "robust": extended.argmax(1).eq(y.argmax(1)).tolist(),
        "emma": adaptive.item(),
    }


def main(gloro: Path, liresnet: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(snapshot(gloro))).extractall(folder)
        for file in Path(folder).rglob("models/**/*.py"):
            text = file.read_text(encoding="utf-8").replace("init_x.data", "init_x.clone()")
            file.write_text(text, encoding="utf-8")
        sys.path.insert(0, f"{folder}/codes")
        import models  # type: ignore[import-not-found]

        scope: dict[str, Any] = {}
        exec(read(liresnet, LOSSES), scope)
        records = {name: measure(models, scope["emma_loss"], args) for name, args in NETS.items()}
    sources = [source(REPOSITORY, gloro, FILE), source(EMMA, liresnet, LOSSES)]
    sizes = {"target": TARGET, "epsilon": EPSILON}
    made_by = "tests/golden/record_liresnet.py"
    write("liresnet", source=sources, made_by=made_by, how=HOW, **sizes, networks=records)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
