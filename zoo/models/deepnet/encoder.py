"""DeepNet's encoder (2203.00555) by itself, as a classifier of sentences.

words -> embeddings + positions -> N x (LN(alpha x + attention(x)), LN(alpha x + mlp(x)))
    -> mean over words -> classes
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.deepnet.deepnorm import Constants, DeepNorm, draw_weights, encoder_constants
from zoo.modules.attention import Attention, Pass
from zoo.modules.decoder import Block, FeedForward


class DeepNetEncoder(nn.Module):
    """Ids of words (B, T), 0 after the last word -> (B, classes). A word sees all words.

    Args:
        vocab: Number of ids, 0 included.
        classes: Number of classes.
        layers: N.
        width: Of hidden states.
        heads: Of each attention.
        hidden: Width inside feed-forward networks.
        context: Largest number of words.
        constants: Alpha and beta, by default those of an encoder with as many layers (Fig. 2b);
            (1, 1) is post-norm.

    Raises:
        ValueError: A number is out of its range, or a sentence has more words.

    Example:
        >>> network = DeepNetEncoder(vocab=9, classes=3, layers=2, width=8, heads=2, hidden=16)
        >>> network(torch.tensor([[4, 8, 1], [7, 2, 0]])).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        *,
        vocab: int = 10_001,
        classes: int = 4,
        layers: int = 6,
        width: int = 512,
        heads: int = 8,
        hidden: int = 2048,
        context: int = 50,
        constants: tuple[float, float] | None = None,
    ) -> None:
        if min(vocab, classes) < 2 or min(hidden, context) < 1:
            raise ValueError("vocab and classes are 2 or more, hidden and context 1 or more")
        super().__init__()
        alpha, beta = Constants(*constants) if constants else encoder_constants(layers)
        self.vocab, self.classes, self.context = vocab, classes, context
        self.tok_embeddings = nn.Embedding(vocab, width)
        self.pos_embeddings = nn.Embedding(context, width)
        self.connections = DeepNorm(layers, width, alpha=alpha)
        self.layers = nn.ModuleList(
            Block(
                Attention(width, heads, bias=True, separate=True),
                FeedForward(width, hidden),
                nn.Identity,
                norms=self.connections.norms(layer),
            )
            for layer in range(layers)
        )
        self.head = nn.Linear(width, classes)
        draw_weights(self, beta)

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"vocab_size": self.vocab, "classes": self.classes}

    def forward_features(self, ids: Tensor) -> Tensor:
        """(B, T) -> hidden states, (B, T, width)."""
        tokens = ids.shape[1]
        if tokens > self.context:
            raise ValueError(f"{tokens} words are more than the context of {self.context}")
        itself = torch.eye(tokens, dtype=torch.bool, device=ids.device)  # so that padding sees it
        run = Pass(mask=(ids != 0)[:, None, None] | itself, causal=False)
        positions = torch.arange(tokens, device=ids.device)
        x = self.tok_embeddings(ids) + self.pos_embeddings(positions)
        for i, layer in enumerate(self.layers):
            x = layer(x, self.connections, i, run, i)
        return x

    def forward(self, ids: Tensor) -> Tensor:
        is_word = (ids != 0)[..., None]
        total = (self.forward_features(ids) * is_word).sum(1)
        logits: Tensor = self.head(total / is_word.sum(1).clamp(min=1))
        return logits
