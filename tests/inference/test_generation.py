"""Generation of tokens: greedy, sampled, stopped, padded."""

import logging
import math
from typing import Any

import pytest
import torch

import zoo
from tests.models.test_all_language_models import TARGETS, small
from zoo.inference.generation import SamplingParams, generate, generate_stream
from zoo.models._factory import create

PROMPTS = [[3, 1, 4, 1, 5], [9, 2], [6, 5, 3]]


def greedy(model: Any, ids: list[int], steps: int) -> list[int]:
    """Without a cache, token by token."""
    row = list(ids)
    for _ in range(steps):
        row.append(int(model(torch.tensor([row]))[0, -1].argmax()))
    return row


@pytest.mark.parametrize("target", TARGETS)
def test_generate_greedy_batch_equals_single_prompts(target: str) -> None:
    """In one batch, padded on the left, as alone without a cache."""
    model = small(target)
    assert generate(model, PROMPTS, max_new_tokens=9) == [greedy(model, p, 9) for p in PROMPTS]
    assert zoo.generate(model, torch.tensor([PROMPTS[0]]), max_new_tokens=3) == [
        greedy(model, PROMPTS[0], 3)
    ]


def test_generate_by_name_loads_pretrained_weights() -> None:
    prompt = list(b"This PEP ")
    model = create("gpt2_nano", pretrained=True)
    rows = generate(model, [prompt], max_new_tokens=8)
    assert zoo.generate("gpt2_nano", [prompt], max_new_tokens=8) == rows
    assert len(rows[0]) == len(prompt) + 8


def test_generate_stop_token_ends_row() -> None:
    model = small("zoo.models.gpt2.model:GPT2")
    whole = [greedy(model, p, 9)[len(p) :] for p in PROMPTS]
    stop = {whole[0][2]}
    expected = [row[: next((i + 1 for i, t in enumerate(row) if t in stop), 9)] for row in whole]
    rows = generate(model, PROMPTS, max_new_tokens=9, stop=stop)
    assert rows == [p + row for p, row in zip(PROMPTS, expected, strict=True)]
    steps = list(generate_stream(model, PROMPTS[:1], max_new_tokens=9, stop=stop))
    assert [row[0] for row in steps] == expected[0]


def test_generate_stops_at_context_length() -> None:
    model = small("zoo.models.gpt2.model:GPT2")
    (row,) = generate(model, [PROMPTS[0]], max_new_tokens=100)
    assert len(row) == model.context


def test_sampling_params_seed_top_k_and_top_p_limit_draws() -> None:
    """A seed says what is drawn; top_k and top_p what may be."""
    model = small("zoo.models.gpt2.model:GPT2")
    sampling = SamplingParams(temperature=1.5)
    rows = [
        generate(model, PROMPTS, sampling=sampling, seed=s, max_new_tokens=9) for s in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]
    one = SamplingParams(temperature=2.0, top_k=1)
    assert generate(model, PROMPTS, sampling=one) == generate(model, PROMPTS)
    few = SamplingParams(temperature=2.0, top_p=1e-6)
    assert generate(model, PROMPTS, sampling=few) == generate(model, PROMPTS)

    logits = torch.tensor([[0.1, 0.2, 0.4, 0.3]]).log()
    assert SamplingParams(temperature=1.0, top_k=2).probabilities(logits)[
        0
    ].tolist() == pytest.approx([0, 0, 4 / 7, 3 / 7])
    nucleus = SamplingParams(temperature=1.0, top_p=0.65).probabilities(logits)[0]
    assert (nucleus > 0).tolist() == [False, False, True, True]
    nucleus = SamplingParams(temperature=1.0, top_p=0.75).probabilities(logits)[0]
    assert (nucleus > 0).tolist() == [False, True, True, True]
    halved = SamplingParams(temperature=0.5).probabilities(logits)[0]
    assert halved.tolist() == pytest.approx([0.01 / 0.3, 0.04 / 0.3, 0.16 / 0.3, 0.09 / 0.3])
    generators = [torch.Generator().manual_seed(seed) for seed in range(4000)]
    draws = SamplingParams(temperature=1.0)(logits.repeat(4000, 1), generators)
    shares = torch.bincount(draws, minlength=4) / 4000
    assert (shares - torch.tensor([0.1, 0.2, 0.4, 0.3])).abs().max() < 0.03


@pytest.mark.parametrize("target", TARGETS)
def test_generate_sampled_row_is_independent_of_its_batch(target: str) -> None:
    """Neither the other prompts, their order nor the padding change what is drawn."""
    model = small(target)
    options: dict[str, Any] = {"sampling": SamplingParams(temperature=1.5), "seed": 3}
    alone = [generate(model, [p], max_new_tokens=9, **options)[0] for p in PROMPTS]
    assert generate(model, PROMPTS, max_new_tokens=9, **options) == alone
    assert generate(model, PROMPTS[::-1], max_new_tokens=9, **options) == alone[::-1]


def test_generate_repeated_prompt_draws_anew_and_takes_seeds() -> None:
    model, sampling = small("zoo.models.gpt2.model:GPT2"), SamplingParams(temperature=1.5)
    twice = generate(model, [PROMPTS[0]] * 2, sampling=sampling, max_new_tokens=9)
    assert twice[0] != twice[1]
    ids = [PROMPTS[0]] * 2
    rows = generate(model, ids, sampling=sampling, max_new_tokens=9, seed=[0, 7])
    seven = generate(model, ids[:1], sampling=sampling, max_new_tokens=9, seed=7)
    assert rows == [twice[0], *seven]
    with pytest.raises(ValueError, match="1 seeds for 2 prompts"):
        generate(model, ids, seed=[0])


@pytest.mark.parametrize("target", TARGETS)
def test_generate_full_context_ends_its_own_row_and_is_logged(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each row goes on up to its own limit, and says that it ended there."""
    model, long = small(target), [1, 2] * 9
    short_steps, long_steps = model.context - 2, model.context - len(long)
    with caplog.at_level(logging.WARNING):
        rows = generate(model, [PROMPTS[1], long], max_new_tokens=99)
    assert rows == [greedy(model, PROMPTS[1], short_steps), greedy(model, long, long_steps)]
    assert [record.getMessage() for record in caplog.records] == [
        f"prompt {i} ended after {steps} of 99 new tokens: the context of the model is full"
        for i, steps in ((1, long_steps), (0, short_steps))
    ]
    caplog.clear()
    generate(model, [long], max_new_tokens=long_steps)
    assert not caplog.records


def test_generate_non_finite_logits_raise() -> None:
    """The row and the token are named; a row that has ended may be anything."""
    model = small("zoo.models.gpt2.model:GPT2")
    first = generate(model, PROMPTS[:1], max_new_tokens=1)[0][-1]
    head = model.forward_head

    def broken_after_first(states: torch.Tensor) -> Any:
        logits = head(states).clone()
        if calls:
            logits[0, 4] = torch.nan
        calls.append(states)
        return logits

    model.forward_head = broken_after_first
    for sampling in (None, SamplingParams(temperature=1.0)):
        calls: list[torch.Tensor] = []
        with pytest.raises(FloatingPointError, match=r"prompt 0 .* token 2; .*--precision fp32"):
            generate(model, PROMPTS, sampling=sampling, max_new_tokens=9)
    calls = []
    assert generate(model, PROMPTS[:2], stop={first}, max_new_tokens=3)[0][-1] == first


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "at least one token"),
        ([[1], []], "at least one token"),
        ([list(range(24))], "a prompt of 24 tokens leaves no room in the context of 24"),
        ([[53]], r"token ids are 0\.\.52, not 53"),
        ([[-1]], r"token ids are 0\.\.52, not -1"),
    ],
)
def test_generate_bad_prompt_raises(ids: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(small("zoo.models.gpt2.model:GPT2"), ids)


@pytest.mark.parametrize(
    "args",
    [
        *({"temperature": value} for value in (-1.0, math.nan, math.inf)),
        *({"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_p": math.nan}),
    ],
)
def test_sampling_params_out_of_range_raise(args: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature and top_k are finite and 0 or more"):
        SamplingParams(**args)


@pytest.mark.parametrize("temperature", [1e-3, 1e-40, 5e-324, 1e308])
def test_sampling_params_extreme_temperature_draws(temperature: float) -> None:
    logits = torch.tensor([[-50.0, 80.0, 3.0]])
    probabilities = SamplingParams(temperature=temperature).probabilities(logits)
    expected = [1 / 3] * 3 if temperature > 1 else [0.0, 1.0, 0.0]
    assert probabilities[0].tolist() == pytest.approx(expected)


def test_generate_asks_for_logits_of_last_positions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of a large vocabulary over a whole prompt takes as long as some layers."""
    model: Any = create("gpt2_nano", pretrained=True)
    head, shapes = model.forward_head, []

    def record(x: torch.Tensor) -> Any:
        shapes.append(x.shape[:-1].numel())
        return head(x)

    monkeypatch.setattr(model, "forward_head", record)
    generate(model, PROMPTS, max_new_tokens=2)
    assert shapes == [len(PROMPTS)] * 2
