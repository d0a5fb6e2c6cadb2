"""Residual adapters folded into the 3x3s that domains share: in eval mode they are linear."""

import copy
from typing import Any

from zoo.models.residual_adapters.adapters import AdaptedConv, Domains
from zoo.models.residual_adapters.model import ResidualAdapterResNet


def fold(network: ResidualAdapterResNet) -> ResidualAdapterResNet:
    """Return the active domain's network in eval mode, without adapters.

    Its state dict is one of resadapt26.

    Example:
        >>> import zoo
        >>> network = zoo.create("resadapt26_parallel", num_classes=10, width=4)
        >>> plain = zoo.create("resadapt26", num_classes=10, width=4)
        >>> plain.load_state_dict(fold(network).state_dict())
        <All keys matched successfully>
    """
    plain: Any = copy.deepcopy(network).eval()
    domain = plain.linears.active
    for module in [*plain.modules()]:
        if isinstance(module, AdaptedConv):
            module.fold()
    plain.bn, plain.linears = Domains([plain.bn[domain]]), Domains([plain.linears[domain]])
    plain.set_domain(0)
    folded: ResidualAdapterResNet = plain
    return folded
