"""Golden outputs, decisions and gradients of the authors' SkipNet, from their Python file.

uv run python tests/golden/record_skipnet.py PATH    a clone (or bare repository) of
ucbdrive/skipnet
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from fill import drawn_by_name, images
from record import read, source, write

REPOSITORY, FILE = "ucbdrive/skipnet", "cifar/models.py"
PIXELS, SCALES, TARGET = 32, [0.1, 0.5, 1.0, 2.0, 4.0, 8.0], [3, 1, 4, 1, 5, 0]
SEEDS = range(9)  # of the weights; the one whose gates disagree most about the images is kept
NETS: dict[str, dict[str, Any]] = {  # (blocks of each stage, kind of the gates)
    "ff1 hard": {"maker": "ResNetFeedForwardSP", "layers": [2, 2, 2], "gate_type": "ffgate1"},
    "ff2 hard": {"maker": "ResNetFeedForwardSP", "layers": [2, 2, 2], "gate_type": "ffgate2"},
    "ff1 soft": {"maker": "ResNetFeedForwardSP", "layers": [2, 2, 2], "gate_type": "softgate1"},
    "rnn hard": {"maker": "ResNetRecurrentGateSP", "layers": [3, 3, 3], "gate_type": "rnn"},
    "rnn soft": {"maker": "ResNetRecurrentGateSP", "layers": [3, 3, 3], "gate_type": "soft"},
}
HOW = (
    "The authors' file is executed as it is at that commit, in float64 and on the CPU (`cuda()` "
    "gives float64). Every tensor is drawn by its name (tests/golden/fill.py: drawn_by_name), "
    "the projections once, by `seed`; the input is images(32, 6), each times one of `scales`. "
    "`logits` and `decisions` are of eval mode; `loss`, the cross entropy, and "
    "`gradients`, the sums of absolute values of its gradients, are of training mode. The gate "
    "after the last block, which decides nothing, has no gradient."
)


def measure(scope: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    model = scope[args["maker"]](
        scope["BasicBlock"], args["layers"], num_classes=10, gate_type=args["gate_type"]
    ).double()
    shapes = {key: tuple(v.shape) for key, v in model.state_dict().items() if v.dim()}
    scales = torch.tensor(SCALES, dtype=torch.float64)
    x = images(PIXELS, len(SCALES)) * scales[:, None, None, None]

    def load(seed: int) -> Any:
        drawn = drawn_by_name({k: v for k, v in shapes.items() if "_ds" not in k}, seed)
        model.load_state_dict(drawn, strict=False)
        with torch.no_grad():
            return model.eval()(x)

    seed = max(SEEDS, key=lambda seed: torch.stack(load(seed)[1]).var(1).sum().item())
    logits, masks, _ = load(seed)
    loss = torch.nn.functional.cross_entropy(model.train()(x)[0], torch.tensor(TARGET))
    loss.backward()
    grads = {
        key: p.grad.abs().sum().item() for key, p in model.named_parameters() if p.grad is not None
    }
    return {
        "args": args,
        "seed": seed,
        "logits": logits.tolist(),
        "decisions": [mask.tolist() for mask in masks],
        "loss": loss.item(),
        "gradients": {key: value for key, value in grads.items() if value},
    }


def main(repository: Path) -> None:
    torch.Tensor.cuda = lambda self, *args, **kwargs: self.double()  # type: ignore[method-assign]
    scope: dict[str, Any] = {}
    exec(read(repository, FILE), scope)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # softmax without a dimension
        records = {name: measure(scope, args) for name, args in NETS.items()}
    sizes = {"pixels": PIXELS, "scales": SCALES, "target": TARGET}
    where = source(REPOSITORY, repository, FILE)
    made_by = "tests/golden/record_skipnet.py"
    write("skipnet", source=where, made_by=made_by, how=HOW, **sizes, networks=records)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
