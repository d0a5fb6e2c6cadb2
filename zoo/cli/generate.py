"""`zoo generate` and `zoo eval-harness`: language models."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.app import Json, app, print_json, require


@app.command()
def generate(
    name: Annotated[str, typer.Argument(help="Language model, e.g. gpt2_nano.")],
    prompt: Annotated[list[str], typer.Option(help="Prompt; may be repeated.")],
    max_new_tokens: Annotated[
        int, typer.Option(help="Maximum number of tokens to generate.", min=1)
    ] = 128,
    temperature: Annotated[
        float, typer.Option(help="Sampling temperature; 0 takes the likeliest token.")
    ] = 0.0,
    top_k: Annotated[
        int, typer.Option(help="Sample among the k likeliest tokens; 0: all tokens.")
    ] = 0,
    top_p: Annotated[
        float, typer.Option(help="Sample among the likeliest tokens of this total probability.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the sampling.")] = 0,
    stop: Annotated[
        list[str] | None,
        typer.Option(help="Text that ends the generation; may be repeated; by default none."),
    ] = None,
    tokenizer: Annotated[
        str, typer.Option(help="Name, Hub repository or file of a tokenizer; else the model's own.")
    ] = "",
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Safetensors file (or index) of the model; by default its pinned weights."
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="Precision: fp32, bf16 or fp16.")] = "fp32",
    as_json: Json = False,
) -> None:
    """Generate text from a prompt."""
    from zoo.evaluation.config import EvalConfig
    from zoo.inference import text_generation
    from zoo.inference.generation import SamplingParams

    sampling = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p)
    dtype = EvalConfig(precision=precision).dtype
    generator = text_generation.TextGenerator.load(
        name, weights=weights, tokenizer=tokenizer, dtype=dtype
    )
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "sampling": sampling, "seed": seed}
    if as_json or len(prompt) > 1:
        texts = generator.generate(prompt, stop=stop or [], **options)
        if as_json:
            print_json([{"prompt": p, "text": t} for p, t in zip(prompt, texts, strict=True)])
        else:
            print("\n---\n".join(p + t for p, t in zip(prompt, texts, strict=True)))
        return
    sys.stdout.write(prompt[0])
    for piece in generator.stream(prompt[0], stop=stop or [], **options):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


@app.command("eval-harness")
def eval_harness(
    name: Annotated[str, typer.Argument(help="Language model, e.g. gpt2.hf.")],
    tasks: Annotated[
        str, typer.Option(help="Tasks of lm-evaluation-harness, separated by commas.")
    ],
    num_fewshot: Annotated[
        int | None, typer.Option(help="Number of few-shot examples; the task's own by default.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Evaluate only the first N samples of each task; all by default."),
    ] = None,
    as_json: Json = False,
) -> None:
    r"""Run tasks of lm-evaluation-harness (pip install 'residual-zoo\[harness]')."""
    require("lm_eval", "harness", "`zoo eval-harness`")
    from zoo.evaluation import lm_harness

    lm_harness.print_results(
        name, tasks.split(","), num_fewshot=num_fewshot, limit=limit, as_json=as_json
    )
