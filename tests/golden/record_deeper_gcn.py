"""Golden logits of DeeperGCN, by the code of the authors of 2006.07739 on PyTorch Geometric.

    python -m tests.golden.record_deeper_gcn CHECKOUT_AT_4f6681e

Writes golden/deeper_gcn.json: options of each network, and its outputs for five nodes, one of them
without edges, in float64. Of torch_scatter, which has to be compiled, what PyTorch Geometric has
instead is used. Weights and features are sines that both sides make, by the zoo's keys.
"""

import json
import sys
import warnings
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.golden.record_tsc_baseline import wave
from zoo.models.deeper_gcn.convert import KEY_MAPPINGS

OUT = Path(__file__).with_name("deeper_gcn.json")
COLUMNS, CLASSES, WIDTH, LAYERS = 16, 3, 6, 4
EDGES = torch.tensor([[0, 1, 2, 3, 0, 2, 1, 0], [1, 0, 1, 2, 3, 3, 3, 0]])
DEFAULTS = {"t": 1.0, "learn_t": False, "p": 1.0, "learn_p": False, "y": 0.0, "learn_y": False}
DEFAULTS |= {"msg_norm": False, "learn_msg_scale": False, "conv": "gen", "dropout": 0.5}
SOFT = {"gcn_aggr": "softmax_sg", "t": 0.1, "norm": "batch", "mlp_layers": 1}
NETWORKS: dict[str, dict[str, Any]] = {  # options of the authors' code
    "arxiv": {**SOFT, "block": "res+"},
    "arxiv, res": {**SOFT, "block": "res", "t": 3.0},
    "arxiv, plain": {**SOFT, "block": "plain", "mlp_layers": 3},
    "arxiv, power": {**SOFT, "block": "res+", "gcn_aggr": "power", "p": 3.0, "learn_p": True},
    "arxiv, max": {**SOFT, "block": "res+", "gcn_aggr": "max", "msg_norm": True},
    "proteins": {
        "gcn_aggr": "softmax",
        "learn_t": True,
        "norm": "layer",
        "mlp_layers": 2,
        "block": "res+",
        "msg_norm": True,
        "learn_msg_scale": True,
        "conv_encode_edge": True,
        "use_one_hot_encoding": True,
    },
}


def features() -> tuple[Tensor, Tensor]:
    """Features of nodes (5, COLUMNS) and of edges (E, 8)."""
    shapes = (5, COLUMNS), (EDGES.shape[1], 8)
    return torch.from_numpy(wave(shapes[0], 5)), torch.from_numpy(wave(shapes[1], 8))


def value(key: str, like: Tensor) -> Tensor:
    """The value of a tensor of ours."""
    waves = torch.from_numpy(wave(tuple(like.shape), sum(map(ord, key))))
    if like.dim() > 1:
        return 2 * waves / like.shape[1] ** 0.5
    positive = key.endswith(("running_var", "scale"))
    is_gamma = key.endswith("weight")
    return 1.5 + waves / 2 if positive or is_gamma else waves / 3


def fill(network: nn.Module) -> nn.Module:
    """Give a network of ours its weights and statistics."""
    for key, tensor in network.double().state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(value(key, tensor))
    return network.eval()


def import_authors(checkout: Path) -> dict[str, Any]:
    """Import the networks of ogbn-arxiv and ogbn-proteins, without what only other code needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch_geometric import utils

    stubs: dict[str, dict[str, Any]] = {
        "torch_scatter": {
            "scatter": utils.scatter,
            "scatter_softmax": lambda src, index, dim: utils.softmax(src, index, dim=dim),
        },
        "gcn_lib.sparse.torch_edge": {"DilatedKnnGraph": None},
        "utils": {},
        "utils.pyg_util": {"scatter_": None},
        "utils.data_util": {"get_atom_feature_dims": None, "get_bond_feature_dims": None},
        "__init__": {},
    }
    for name, content in stubs.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module
    sys.path.insert(0, str(checkout))
    networks = {}
    for name in ("arxiv", "proteins"):
        path = checkout / "examples" / "ogb" / f"ogbn_{name}" / "model.py"
        scope: dict[str, Any] = {}
        exec(compile(path.read_text("utf-8"), str(path), "exec"), scope)
        networks[name] = scope["DeeperGCN"]
    return networks


def record(checkout: Path) -> dict[str, list[list[float]]]:
    """Return {network: outputs of every node}: logits, or their log-softmax on ogbn-arxiv."""
    authors, outputs = import_authors(checkout), {}
    x, edge_attr = features()
    mappings = dict(zip(("arxiv", "proteins"), KEY_MAPPINGS[1:], strict=True))
    sizes = {"num_layers": LAYERS, "hidden_channels": WIDTH, "num_tasks": CLASSES}
    for name, options in NETWORKS.items():
        kind = name.partition(",")[0]
        with NamedTemporaryFile() as file:
            torch.save(x[:, :8], file.name)  # of ogbn-proteins, whose x is the species
            args = DEFAULTS | sizes | options
            args |= {"in_channels": COLUMNS, "nf_path": file.name, "device": "cpu"}
            network = authors[kind](SimpleNamespace(**args)).double().eval()
        for key, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                (ours,) = mappings[kind].to_zoo({key: tensor})
                tensor.copy_(value(ours, tensor))
        network.checkpoint_grad = False
        own = (x, EDGES) if kind == "arxiv" else (x[:, 8:], torch.arange(5), EDGES, edge_attr)
        with torch.no_grad():
            outputs[name] = network(*own).tolist()
    return outputs


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(Path(sys.argv[1])), indent=1) + "\n")
