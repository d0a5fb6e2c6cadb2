"""The graph of a network by torch.fx: one list of operations, which TorchScript can compile."""

from timm.layers import DropPath
from torch import fx, nn


class Tracer(fx.Tracer):
    """Trace into all modules but torch's own and DropPath: these look at the mode when they run."""

    proxy_buffer_attributes = True  # buffers are read when the graph runs, not copied into it

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, DropPath) or super().is_leaf_module(m, module_qualified_name)


def graph_of(model: nn.Module) -> fx.GraphModule:
    """Return a module that runs the forward pass of `model`, with the same parameters and keys.

    >>> graph_of(torch.nn.Sequential(torch.nn.Linear(2, 3))).graph.find_nodes(op="call_module")
    [_0]
    """
    return fx.GraphModule(model, Tracer().trace(model), type(model).__name__)
