"""The second stage of training (1711.09485, Sec. 3.2): cross entropy and REINFORCE together."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from zoo.models.skipnet.gated import Episode


@dataclass(frozen=True, kw_only=True)
class HybridLoss:
    """A loss whose gradient is Eq. 6, for one drawn sequence of decisions an image.

    r_i = -(beta L - alpha / N sum_{j >= i} (1 - g_j)),    loss = L - weight sum_i log p(g_i) r_i

    The network is in training, with `gating="sampled"`.

    Example:
        >>> import torch
        >>> episode = Episode(torch.zeros(1, 2), torch.tensor([[0.5]]), torch.tensor([[0.0]]))
        >>> HybridLoss(alpha=0.0, weight=0.0)(episode, torch.tensor([1]))
        tensor(0.6931)
    """

    alpha: float  # reward for skipped blocks
    beta: float = 1.0  # weight of the prediction in the reward; alpha / N for ImageNet
    weight: float = 1.0  # of the second term

    def __call__(self, episode: Episode, target: Tensor) -> Tensor:
        logits, probabilities, decisions = episode
        losses = F.cross_entropy(logits, target, reduction="none")
        rewards = self.alpha / decisions.shape[1] * (1 - decisions)
        future = rewards.flip(1).cumsum(1).flip(1) - self.beta * losses.detach()[:, None]
        log_p = -F.binary_cross_entropy(probabilities, decisions, reduction="none")
        return losses.mean() - self.weight * (log_p * future).sum(1).mean()
