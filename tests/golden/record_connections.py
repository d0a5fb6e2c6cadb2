"""Golden steps of hyper- and frac-connections, from the pseudocode of their papers' appendices.

uv run python tests/golden/record_connections.py HYPER FRAC
          files with the classes of Algorithm 2 of 2409.19606 (App. J) and of 2503.14125 (App. A)
"""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from fill import drawn_by_name, images
from record import write
from torch import Tensor, nn

SIZES = {"width": 8, "sublayers": 3}
HOW = (
    "The classes as they are printed, in float64: Tensor.float and .bfloat16 are the identity while"
    " they run. LayerNorm is OLMo's without parameters for hyper-connections and RMSNorm for "
    "frac-connections, as the papers count. Every tensor is drawn by its name, with the number of "
    "its sublayer as seed (tests/golden/fill.py: drawn_by_name). The stream of a text of three "
    "tokens goes through three sublayers, x -> sin(3 x)."
)


def load(path: Path, norm: Any) -> Any:
    """The class of a file, which names nn, F, torch and LayerNorm."""
    space = {"nn": nn, "torch": torch, "F": F, "LayerNorm": norm}
    exec(path.read_text(encoding="utf-8"), space)
    return space


def hyper(path: Path, n: int, dynamic: bool) -> list[Any]:
    def norm(width: int) -> nn.Module:
        return nn.LayerNorm(width, elementwise_affine=False)

    cls = load(path, norm)["HyperConnection"]
    return [cls(SIZES["width"], n, k, dynamic) for k in range(1, SIZES["sublayers"] + 1)]


def frac(path: Path, m: int) -> list[Any]:
    cls = load(path, lambda width: nn.RMSNorm(width, eps=1e-5))["FracConnection"]
    config = SimpleNamespace(use_tanh=True, use_hc_norm=True, use_scale=True)
    return [cls(SIZES["width"], m, config, True, True) for _ in range(SIZES["sublayers"])]


def run(steps: list[Any], h: Tensor, seen: Any) -> dict[str, Any]:
    kept = torch.Tensor.float, torch.Tensor.bfloat16
    torch.Tensor.float = torch.Tensor.bfloat16 = lambda self: self  # type: ignore[method-assign]
    for seed, step in enumerate(steps):
        shapes = {k: tuple(v.shape) for k, v in step.double().state_dict().items()}
        step.load_state_dict(drawn_by_name(shapes, seed))
        mixed, beta = step.width_connection(h)
        h = step.depth_connection(mixed, (3 * seen(mixed)).sin(), beta)
    torch.Tensor.float, torch.Tensor.bfloat16 = kept  # type: ignore[method-assign]
    shapes = {name: list(shape) for name, shape in shapes.items()}
    return {"shapes": shapes, "stream": h.tolist()}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hyper", type=Path)
    parser.add_argument("frac", type=Path)
    given = parser.parse_args()
    x = images(3, batch=1, channels=8).flatten(2).mT[:, :3]
    nets: dict[str, Any] = {}
    for n in (1, 2, 4):
        h = x.unsqueeze(2).expand(-1, -1, n, -1)
        for kind in ("shc", "dhc"):
            steps = hyper(given.hyper, n, kind == "dhc")
            nets[f"{kind} x {n}"] = run(steps, h, lambda mixed: mixed[:, :, 0])
        nets[f"dfc x {n}"] = run(
            frac(given.frac, n), x, lambda mixed, n=n: mixed[:, :, :n].flatten(2)
        )
    source = ["2409.19606v3, Algorithm 2 (App. J)", "2503.14125v1, Algorithm 2 (App. A)"]
    made_by = "tests/golden/record_connections.py"
    write("connections", source=source, made_by=made_by, how=HOW, nets=nets)


if __name__ == "__main__":
    main()
