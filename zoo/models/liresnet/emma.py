"""Efficient margin maximisation, the loss of 2301.12549 (Sec. 4)."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from zoo.models.liresnet.certified import Bounded


@dataclass(frozen=True, kw_only=True)
class EmmaLoss:
    """Cross entropy of logits in which every other class gains all that a perturbation can give.

    y_j - y_l + e_j s_jl,   e_j = clip((y_l - y_j) / s_jl, 0.01 epsilon, epsilon), a constant

    where s_jl = K |w_j - w_l| and l is the label: a class that less than epsilon puts ahead gains
    no more than that. If not `adaptive`, e_j = epsilon. The network is in training, `bounded`.

    Example:
        >>> import torch
        >>> slopes = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        >>> output = Bounded(torch.tensor([[0.5, 0.0]]), slopes)
        >>> EmmaLoss(epsilon=0.5)(output, torch.tensor([0]))
        tensor(0.6931)
    """

    epsilon: float  # largest perturbation, L2 in pixels of 0..1
    adaptive: bool = True

    def __call__(self, output: Bounded, target: Tensor) -> Tensor:
        slopes = output.slopes[target]
        ahead = output.logits - output.logits.gather(1, target[:, None])
        gain = self.epsilon * slopes
        if self.adaptive:
            gain = gain * (-ahead / gain.clamp_min(1e-8)).clamp(0.01, 1).detach()
        return F.cross_entropy(ahead + gain, target)
