"""The zoo's language models on tasks of lm-evaluation-harness (extra `harness`).

    zoo eval-harness gpt2.hf --tasks lambada_openai,piqa [--num-fewshot 5] [--limit 20] [--json]
    python -m zoo.evaluation.lm_harness --model zoo --model_args name=gpt2.hf --tasks lambada_openai

The second is the command `lm_eval` with the model "zoo": release 0.4.13 has no plug-in models.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from zoo._io import json_text
from zoo.data.tokenizers import get_tokenizer as read_tokenizer
from zoo.distributed import accelerator
from zoo.evaluation.harness_tasks import TASKS, UNAVAILABLE
from zoo.inference.batch_size import fitting_batch_size
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
        f"lm-evaluation-harness is not installed ({error}): install residual-zoo[harness]"
    ) from None

MAX_NEW_TOKENS = 256  # the harness's default
Request = tuple[Any, list[int], list[int]]  # (texts, context ids, continuation ids)
Likelihood = tuple[float, bool]  # (log-likelihood, True if greedy decoding gives the same ids)


@dataclass(frozen=True)
class TruncatingGenerator(TextGenerator):
    """A text generator that drops the beginning of long prompts."""

    max_prompt_tokens: int

    def encode_prompt(self, prompt: str) -> list[int]:
        return super().encode_prompt(prompt)[-self.max_prompt_tokens :]


@register_model("zoo")
class ZooLM(TemplateLM):  # type: ignore[misc]
    """A language model behind the harness's interface.

    Args:
        name: of a model or weights, or a module.
        weights: safetensors file to load instead.
        tokenizer: a name, Hub repository or file; the model's own by default.
        batch_size: sequences at once; "auto": as many whole contexts as a GPU holds.
        device: taken if this machine has one of the kind; else the one that it has.

    Raises:
        ValueError: `name` is no language model, or `batch_size` no number.
        LookupError: there are no weights.
    """

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
        size = str(batch_size)
        is_auto = size.partition(":")[0] == "auto"  # lm_eval's auto:N searches N times
        if not (is_auto or (size.isdecimal() and int(size) > 0)):
            raise ValueError(f"batch_size is a number of sequences or auto, not {size!r}")
        if isinstance(name, str):
            path = Path(weights) if weights else None
            self.generator = TextGenerator.load(name, weights=path, tokenizer=tokenizer)
        else:
            own = pretrained_cfg(name)["tokenizer"]
            self.generator = TextGenerator(name.eval(), read_tokenizer(tokenizer or own))
        self.model = self.generator.model
        kind = accelerator()  # lm_eval passes "cuda:0" on every machine
        self.move_to(torch.device(device if device.startswith((kind, "cpu")) else kind))
        self.batch_size = fitting_batch_size(self.model) if is_auto else int(size)

    def move_to(self, device: torch.device) -> None:
        """Bring the model to a device."""
        self._device, self.model = device, self.model.to(device)

    @property
    def eot_token_id(self) -> int:
        return self.generator.tokenizer.end

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        """Return the ids of a text, without special tokens."""
        return self.generator.tokenizer.encode(string)

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, **kwargs: Any
    ) -> list[Likelihood]:
        order = Collator(requests, sort_fn=lambda request: -len(request[1]) - len(request[2]))
        likelihoods: list[Likelihood] = []
        with tqdm(total=len(requests), desc="log-likelihoods", disable=disable_tqdm) as bar:
            for batch in order.get_batched(n=self.batch_size):
                for (texts, *_), likelihood in zip(batch, self._score(batch), strict=True):
                    likelihoods.append(likelihood)
                    if texts:
                        self.cache_hook.add_partial("loglikelihood", texts, likelihood)
                bar.update(len(batch))
        return list(order.get_original(likelihoods))

    @torch.inference_mode()
    def _score(self, requests: Sequence[Request]) -> list[Likelihood]:
        """Score one batch, padded on the right; contexts that are too long lose their beginning."""
        limit = self.model.context + 1  # the last id is no input
        longest = max(len(continuation) for _, _, continuation in requests)
        if longest >= limit:
            raise ValueError(
                f"{longest} tokens to be scored are more than a context of {limit - 1}"
            )
        rows = [
            ((context or [self.eot_token_id]) + continuation)[-limit:]
            for _, context, continuation in requests
        ]
        inputs = torch.zeros(len(rows), max(2, *map(len, rows)) - 1, dtype=torch.long)
        for i, row in enumerate(rows):
            inputs[i, : len(row) - 1] = torch.tensor(row[:-1])
        hidden = self.model.forward_features(inputs.to(self.device))
        likelihoods = []
        for states, row, (_, _, continuation) in zip(hidden, rows, requests, strict=True):
            end = len(row) - 1
            logits = self.model.forward_head(states[end - len(continuation) : end]).float()
            targets = torch.tensor(continuation, dtype=torch.long, device=self.device)
            losses = F.cross_entropy(logits, targets, reduction="none").cpu().double()
            is_greedy = bool((logits.argmax(-1) == targets).all())
            likelihoods.append((-float(losses.sum()), is_greedy))
        return likelihoods

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Return the log-likelihood of whole texts, each token scored once."""
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
        window_requests = [(None, *pair) for _, pair in windows]
        likelihoods = self._loglikelihood_tokens(window_requests, disable_tqdm)
        sums = [0.0] * len(requests)
        for (i, _), (likelihood, _) in zip(windows, likelihoods, strict=True):
            sums[i] += likelihood
        return sums

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Return the continuation of each prompt up to a stop; for the options see _generate."""
        order = Collator(
            [request.args for request in requests],
            sort_fn=lambda args: -len(self.tok_encode(args[0])),
            group_by="gen_kwargs",
            group_fn=lambda args: args[1],
        )
        continuations: list[str] = []
        seed = int(torch.randint(2**31, ()))  # follows the harness's seed
        repeats: Counter[str] = Counter()  # a prompt that is repeated is drawn anew
        with tqdm(total=len(requests), desc="texts", disable=disable_tqdm) as bar:
            for batch in order.get_batched(n=self.batch_size):
                prompts = [prompt for prompt, _ in batch]
                seeds = []
                for prompt in prompts:
                    seeds.append(seed + repeats[prompt])
                    repeats[prompt] += 1
                texts = self._generate(prompts, batch[0][1], seeds)
                for args, text in zip(batch, texts, strict=True):
                    self.cache_hook.add_partial("generate_until", args, text)
                continuations += texts
                bar.update(len(batch))
        return list(order.get_original(continuations))

    def _generate(
        self, prompts: list[str], gen_kwargs: dict[str, Any], seeds: list[int]
    ) -> list[str]:
        """Generate by the harness's `until`, `max_gen_toks`, `do_sample`, `temperature`, and the
        zoo's `top_k` and `top_p`. Prompts that are too long lose their beginning."""
        default_tokens = min(MAX_NEW_TOKENS, self.model.context // 2)
        options = dict(normalize_gen_kwargs(gen_kwargs, default_tokens))
        until, max_new_tokens = options.pop("until"), options.pop("max_gen_toks")
        options.setdefault("temperature", 1.0 if options["do_sample"] else 0.0)
        del options["do_sample"]
        if unknown := sorted(set(options) - {"temperature", "top_k", "top_p"}):
            raise ValueError(f"the zoo's models do not generate by {', '.join(unknown)}")
        max_prompt_tokens = self.model.context - max_new_tokens
        if max_prompt_tokens <= 0:
            context = self.model.context
            raise ValueError(
                f"max_gen_toks={max_new_tokens} leaves no room in the context of {context}"
            )
        generator = TruncatingGenerator(self.model, self.generator.tokenizer, max_prompt_tokens)
        return generator.generate(
            prompts,
            stop=until,
            max_new_tokens=max_new_tokens,
            sampling=SamplingParams(**options),
            seed=seeds,
        )


def evaluate(
    model: str | nn.Module | ZooLM,
    tasks: Sequence[str],
    *,
    num_fewshot: int | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Run tasks of the harness.

    Args:
        model: name, module or ZooLM.
        tasks: names, patterns or .yaml files of the harness, or columns of 2502.12170 (see TASKS).
        num_fewshot: solved examples before each question; by default the task's number.
        limit: evaluate only the first samples of each task.

    Returns:
        The harness's results: {"results": {task: {metric: value}}, "versions": ..., ...}.

    Raises ValueError for a task that does not exist, and what ZooLM raises.
    """
    for task in tasks:
        if task in UNAVAILABLE:
            raise ValueError(f"no task is {task}: {UNAVAILABLE[task]}")
    config = EvaluatorConfig(tasks=[TASKS.get(task, task) for task in tasks])
    manager = config.process_tasks({})  # expands config.tasks
    return simple_evaluate(
        model=model if isinstance(model, ZooLM) else ZooLM(model),
        tasks=config.tasks,
        task_manager=manager,
        num_fewshot=num_fewshot,
        limit=limit,
        log_samples=False,
    )


def print_results(
    name: str,
    tasks: Sequence[str],
    *,
    num_fewshot: int | None = None,
    limit: int | None = None,
    as_json: bool = False,
) -> None:
    """Run `evaluate` and print the harness's table, or JSON."""
    results = evaluate(name, tasks, num_fewshot=num_fewshot, limit=limit)
    if not as_json:
        print(make_table(results))
        return
    fields = {key: results[key] for key in ("results", "versions", "n-shot", "lm_eval_version")}
    print(json_text({"model": name, **fields}, handle_non_serializable))


def main() -> None:
    """Run the command `lm_eval`; bad input ends in one sentence and exit code 2."""
    try:
        cli_evaluate()
    except (ValueError, LookupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
