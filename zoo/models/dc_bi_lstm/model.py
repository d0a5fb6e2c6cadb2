"""DC-Bi-LSTM (Ding et al., 2018, 1802.00889, Fig. 1 and 2): densely connected bidirectional LSTMs.

words -> e --> Bi-LSTM -> h_1 --> Bi-LSTM -> h_2 --> ... --> Bi-LSTM -> mean over words -> classes
          `-------------^-----------------^------------^  each layer reads [e; h_1; ...; h_{l-1}]

The stacked network beside it reads h_{l-1} alone.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VECTOR = 300  # numbers of a word, as GloVe's
SMALL = 0.01  # bound of the first values of word vectors and classifier, as in the authors' code


class Direction(nn.LSTMCell):
    """The weights of one direction, whose steps BiLSTM takes. The gates are i, f, g and o.

    As in TensorFlow, from which the authors' values come: Glorot's uniform distribution over the
    weights of input and state together, biases of 0, and of 1 for the forget gate.
    """

    def reset_parameters(self) -> None:
        bound = (6 / (self.input_size + 5 * self.hidden_size)) ** 0.5
        for weight in (self.weight_ih, self.weight_hh):
            nn.init.uniform_(weight, -bound, bound)
        for bias in (self.bias_ih, self.bias_hh):
            nn.init.zeros_(bias)
        nn.init.ones_(self.bias_ih.chunk(4)[1])

    def gates(self, x: Tensor) -> Tensor:
        """The part of the gates that inputs decide: (B, T, c_in) -> (B, T, 4 * width)."""
        return F.linear(x, self.weight_ih, self.bias_ih + self.bias_hh)


class BiLSTM(nn.Module):
    """A bidirectional LSTM: (B, T, c_in) -> (B, T, 2 * width), in steps of both directions at once.

    In operations that torch.func.vmap and torch.compile know, as they do not know nn.LSTM.
    """

    beside = ("back",)

    def __init__(self, c_in: int, width: int) -> None:
        super().__init__()
        self.ahead, self.back = Direction(c_in, width), Direction(c_in, width)

    def forward(self, x: Tensor, order: Tensor) -> Tensor:
        """Return [h ahead; h back]; `order` (B, T) has the place of each step of the way back."""
        gates = torch.stack((self.ahead.gates(x), self.back.gates(take(x, order))))
        weights = torch.stack((self.ahead.weight_hh, self.back.weight_hh)).transpose(1, 2)
        h = c = gates.new_zeros(*gates.shape[:2], self.ahead.hidden_size)
        states: list[Tensor] = []
        for part in gates.unbind(2):
            i, f, g, o = (part + h @ weights).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        ahead, back = torch.stack(states, 2)
        return torch.cat((ahead, take(back, order)), -1)


def take(x: Tensor, order: Tensor) -> Tensor:
    """Put steps into another order: x (B, T, C), order (B, T)."""
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))


class DCBiLSTM(nn.Module):
    """A classifier of sentences: ids of words (B, T), 0 after the last word -> (B, classes).

    Args:
        vocab: Number of ids, 0 included.
        classes: Number of classes.
        layers: Bi-LSTMs before the last one, dl.
        width: Units of each of these and of each direction, dh.
        last_width: Units of the last one, th.
        dense: Each layer reads the words and all layers before; if False, the one before.
        reads_padding: Read on the way back from the end of the batch, as the authors' code does,
            and not from the last word. What a sentence gets then depends on the padding.
        drop_rate: Dropout of the words' vectors, and before the classifier.

    Raises:
        ValueError: A number is out of its range.

    Example:
        >>> network = DCBiLSTM(vocab=9, classes=3, layers=2, width=4, last_width=5)
        >>> network(torch.tensor([[4, 8, 1], [7, 2, 0]])).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        *,
        vocab: int = 10_001,
        classes: int = 4,
        layers: int = 15,
        width: int = 13,
        last_width: int = 100,
        dense: bool = True,
        reads_padding: bool = False,
        drop_rate: float = 0.0,
    ) -> None:
        if min(vocab, classes) < 2 or layers < 0 or min(width, last_width) < 1:
            raise ValueError(
                "vocab and classes are 2 or more, layers 0 or more, width and last_width 1 or more"
            )
        super().__init__()
        self.vocab, self.classes = vocab, classes
        self.dense, self.reads_padding = dense, reads_padding
        self.embedding = nn.Embedding(vocab, VECTOR, padding_idx=0)
        self.layers = nn.ModuleList()
        c_in = VECTOR
        for units in [width] * layers + [last_width]:
            self.layers.append(BiLSTM(c_in, units))
            c_in = c_in + 2 * units if dense else 2 * units
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(2 * last_width, classes)
        for tensor in (self.embedding.weight, self.head.weight, self.head.bias):
            nn.init.uniform_(tensor, -SMALL, SMALL)
        nn.init.zeros_(self.embedding.weight[0])

    @property
    def sizes(self) -> dict[str, Any]:
        """Entries of pretrained_cfg that follow from the arguments."""
        return {"vocab_size": self.vocab, "classes": self.classes}

    def forward(self, ids: Tensor) -> Tensor:
        steps = torch.arange(ids.shape[1], device=ids.device)
        lengths = ((ids != 0) * (steps + 1)).amax(1, keepdim=True)
        is_word = steps < lengths
        order = torch.where(is_word, lengths - 1 - steps, steps)
        if self.reads_padding:
            order = steps.flip(0).expand_as(ids)
        x = h = self.dropout(self.embedding(ids))
        for layer in self.layers:
            h = layer(x, order) * is_word[..., None]
            x = torch.cat((x, h), -1) if self.dense else h
        mean = h.sum(1) / lengths.clamp(min=1)
        logits: Tensor = self.head(self.dropout(mean))
        return logits
