"""Likelihoods of a small language model, computed token by token."""

from typing import Any

import torch

from zoo.models._builder import build_model


def network() -> Any:
    """Untrained, sure of itself, and with nothing but letters to say."""
    torch.manual_seed(0)
    model = build_model("gpt2_nano").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0)
        for ids in (slice(0, 65), slice(123, None)):
            model.tok_embeddings.weight[ids] *= 0.01
    return model


@torch.no_grad()
def likelihood(ids: list[int], scored: int) -> float:
    """ln of the probability of the last so many ids, in float64."""
    shares = network().double()(torch.tensor([ids[:-1]]))[0].log_softmax(-1)
    places = range(len(ids) - 1 - scored, len(ids) - 1)
    return float(sum(shares[place, ids[place + 1]] for place in places))


@torch.no_grad()
def greedy(prompt: str, steps: int) -> str:
    model, ids = network(), list(prompt.encode())
    for _ in range(steps):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return bytes(ids[-steps:]).decode()
