"""Tasks of lm-evaluation-harness, asked of the zoo's language models. An extra: it needs lm_eval.

    zoo eval-harness gpt2.hf --tasks lambada_openai,piqa [--num-fewshot 5] [--limit 20] [--json]
    python -m zoo.evaluation.lm_harness --model zoo --model_args name=gpt2.hf --tasks lambada_openai

The second is the command `lm_eval`, with all its options, in which the zoo is a model. Release
0.4.13 knows models of its own alone; where `lm_eval` reads entry points, it finds this one itself.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from zoo.data.tokenizers import get_tokenizer as read_tokenizer
from zoo.inference.generation import SamplingParams
from zoo.inference.text_generation import TextGenerator
from zoo.models._builder import pretrained_cfg

try:
    from lm_eval import simple_evaluate
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.api.model import TemplateLM
    from lm_eval.api.registry import register_model
    from lm_eval.config.evaluate_config import EvaluatorConfig
    from lm_eval.models.utils import Collator, normalize_gen_kwargs
    from lm_eval.utils import (
        get_rolling_token_windows,
        handle_non_serializable,
        make_disjoint_window,
        make_table,
    )
    from tqdm import tqdm
except ModuleNotFoundError as error:
    raise LookupError(
        f"lm-evaluation-harness is not here ({error}): install residual-zoo[harness]"
    ) from None

# Columns of 2502.12170, Table 3, and the harness's tasks, whose `acc` they are.
TASKS = {
    "LAMBADA": "lambada_openai",
    "PIQA": "piqa",
    "WinoGrande": "winogrande",
    "ARC-E": "arc_easy",
    "ARC-C": "arc_challenge",
    "SciQ": "sciq",
    "LogiQA": "logiqa",
    "BoolQ": "boolq",
    "HellaSwag": "hellaswag",
    "RACE-H": "race",
}
MISSING = {"RACE-M": "the harness has the high-school half of RACE alone (RACE-H)"}
NEW_TOKENS = 256  # the harness's default
Request = tuple[Any, list[int], list[int]]  # (texts, ids of the context, ids to be scored)
Answer = tuple[float, bool]  # (log-likelihood, whether each id is the likeliest)


@dataclass(frozen=True)
class TruncatingGenerator(TextGenerator):
    """A text generator that sees the last `room` tokens of a prompt."""

    room: int

    def encode_prompt(self, prompt: str) -> list[int]:
        return super().encode_prompt(prompt)[-self.room :]


@register_model("zoo")
class ZooLM(TemplateLM):  # type: ignore[misc]
    """A language model as the harness asks it: by name, with its weights or those of a file
    (`weights`), or a module; by its own tokenizer or another. Raises ValueError for what is no
    language model, LookupError without weights."""

    def __init__(
        self,
        name: str | nn.Module,
        *,
        weights: str = "",
        tokenizer: str = "",
        batch_size: int | str = 8,
        device: str = "cuda",
    ) -> None:
        super().__init__()
        if not str(batch_size).isdecimal() or int(batch_size) < 1:
            raise ValueError(f"batch_size is a number of sequences, not {batch_size!r}")
        if isinstance(name, str):
            file = Path(weights) if weights else None
            self.generator = TextGenerator.load(name, weights=file, tokenizer=tokenizer)
        else:
            own = pretrained_cfg(name)["tokenizer"]
            self.generator = TextGenerator(name.eval(), read_tokenizer(tokenizer or own))
        # lm_eval says "cuda:0" to everyone, whatever there is
        self._device = torch.device(device if torch.cuda.is_available() else "cpu")
        self.model = self.generator.model.to(self._device)
        self.batch_size = int(batch_size)

    @property
    def eot_token_id(self) -> int:
        return self.generator.tokenizer.end

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        """Ids of a text; the zoo's tokenizers put nothing before or after it."""
        return self.generator.tokenizer.encode(string)

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, **kwargs: Any
    ) -> list[Answer]:
        order = Collator(requests, sort_fn=lambda request: -len(request[1]) - len(request[2]))
        found: list[Answer] = []
        with tqdm(total=len(requests), desc="log-likelihoods", disable=disable_tqdm) as bar:
            for batch in order.get_batched(n=self.batch_size):
                for (texts, *_), answer in zip(batch, self._score(batch), strict=True):
                    found.append(answer)
                    if texts:
                        self.cache_hook.add_partial("loglikelihood", texts, answer)
                bar.update(len(batch))
        return list(order.get_original(found))

    @torch.inference_mode()
    def _score(self, requests: Sequence[Request]) -> list[Answer]:
        """In one batch, padded on the right: what follows a token does not change what is before
        it. Contexts that are too long lose their beginnings. Logits are taken to float32."""
        room = self.model.context + 1  # the last id is not shown
        longest = max(len(continuation) for _, _, continuation in requests)
        if longest >= room:
            raise ValueError(f"{longest} tokens to be scored are more than a context of {room - 1}")
        rows = [((before or [self.eot_token_id]) + after)[-room:] for _, before, after in requests]
        shown = torch.zeros(len(rows), max(2, *map(len, rows)) - 1, dtype=torch.long)
        for i, row in enumerate(rows):
            shown[i, : len(row) - 1] = torch.tensor(row[:-1])
        hidden = self.model.forward_features(shown.to(self.device))
        answers = []
        for states, row, (_, _, after) in zip(hidden, rows, requests, strict=True):
            end = len(row) - 1
            logits = self.model.forward_head(states[end - len(after) : end]).float()
            wanted = torch.tensor(after, dtype=torch.long, device=self.device)
            losses = F.cross_entropy(logits, wanted, reduction="none").double()
            answers.append((-float(losses.sum()), bool((logits.argmax(-1) == wanted).all())))
        return answers

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Of whole texts: their tokens in windows, each scored once."""
        windows = [
            (i, make_disjoint_window(pair))
            for i, request in enumerate(requests)
            for pair in get_rolling_token_windows(
                token_list=self.tok_encode(request.args[0]),
                prefix_token=self.prefix_token_id,
                max_seq_len=self.model.context,
                context_len=1,
            )
        ]
        answers = self._loglikelihood_tokens([(None, *pair) for _, pair in windows], disable_tqdm)
        sums = [0.0] * len(requests)
        for (i, _), (likelihood, _) in zip(windows, answers, strict=True):
            sums[i] += likelihood
        return sums

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """What the model writes after each text, up to a stop: see _write for the options."""
        order = Collator(
            [request.args for request in requests],
            sort_fn=lambda args: -len(self.tok_encode(args[0])),
            group_by="gen_kwargs",
            group_fn=lambda args: args[1],
        )
        found: list[str] = []
        with tqdm(total=len(requests), desc="texts", disable=disable_tqdm) as bar:
            for batch in order.get_batched(n=self.batch_size):
                texts = self._write([prompt for prompt, _ in batch], batch[0][1])
                for args, text in zip(batch, texts, strict=True):
                    self.cache_hook.add_partial("generate_until", args, text)
                found += texts
                bar.update(len(batch))
        return list(order.get_original(found))

    def _write(self, prompts: list[str], options: dict[str, Any]) -> list[str]:
        """By the harness's `until`, `max_gen_toks`, `do_sample`, `temperature`, and the zoo's
        `top_k` and `top_p`. Prompts that are too long lose their beginnings."""
        asked = dict(normalize_gen_kwargs(options, min(NEW_TOKENS, self.model.context // 2)))
        until, steps = asked.pop("until"), asked.pop("max_gen_toks")
        asked.setdefault("temperature", 1.0 if asked["do_sample"] else 0.0)
        del asked["do_sample"]
        if unknown := sorted(set(asked) - {"temperature", "top_k", "top_p"}):
            raise ValueError(f"the zoo's models do not generate by {', '.join(unknown)}")
        if steps >= self.model.context:
            raise ValueError(
                f"max_gen_toks={steps} leaves no room in the context of {self.model.context}"
            )
        generator = TruncatingGenerator(
            self.model, self.generator.tokenizer, self.model.context - steps
        )
        seed = int(torch.randint(2**31, ()))  # of the harness's seed
        return generator.generate(
            prompts, stop=until, max_new_tokens=steps, sampling=SamplingParams(**asked), seed=seed
        )


def evaluate(
    model: str | nn.Module | ZooLM,
    tasks: Sequence[str],
    *,
    num_fewshot: int | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """The harness's results: {"results": {task: {metric: value}}, "versions": ..., ...}.

    `tasks` are its names (or patterns, or .yaml files), or columns of 2502.12170, see TASKS.
    Raises ValueError for a task that it has not, and what ZooLM raises.
    """
    for task in tasks:
        if task in MISSING:
            raise ValueError(f"no task is {task}: {MISSING[task]}")
    config = EvaluatorConfig(tasks=[TASKS.get(task, task) for task in tasks])
    manager = config.process_tasks({})
    found: dict[str, Any] = simple_evaluate(
        model=model if isinstance(model, ZooLM) else ZooLM(model),
        tasks=config.tasks,
        task_manager=manager,
        num_fewshot=num_fewshot,
        limit=limit,
        log_samples=False,
    )
    return found


def command(
    name: str,
    tasks: Sequence[str],
    *,
    num_fewshot: int | None = None,
    limit: int | None = None,
    as_json: bool = False,
) -> None:
    """Prints what `evaluate` finds: the harness's table, or JSON."""
    found = evaluate(name, tasks, num_fewshot=num_fewshot, limit=limit)
    if not as_json:
        print(make_table(found))
        return
    shown = {key: found[key] for key in ("results", "versions", "n-shot", "lm_eval_version")}
    print(json.dumps({"model": name, **shown}, indent=1, default=handle_non_serializable))


def main() -> None:
    """The command `lm_eval`: bad input ends in one sentence and exit code 2."""
    try:
        cli_evaluate()
    except (ValueError, LookupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
