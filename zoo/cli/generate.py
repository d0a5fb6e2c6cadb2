"""Texts: generate, eval-harness."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.app import Json, app, print_json


@app.command()
def generate(
    name: Annotated[str, typer.Argument(help="A language model, e.g. gpt2_nano.")],
    prompt: Annotated[list[str], typer.Option(help="What to go on from; may be repeated.")],
    max_new_tokens: Annotated[int, typer.Option(help="At most so many more.", min=1)] = 128,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest.")] = 0.0,
    top_k: Annotated[int, typer.Option(help="Draw among so many; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw among this share.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    stop: Annotated[list[str] | None, typer.Option(help="A text that ends it.")] = None,
    tokenizer: Annotated[str, typer.Option(help="A name, Hub repository or file.")] = "",
    weights: Annotated[
        Path | None, typer.Option(help="A safetensors file (or index) for the model.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a text."""
    from zoo.inference import text_generation
    from zoo.inference.generation import SamplingParams

    choice = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p)
    writer = text_generation.TextGenerator.load(name, weights=weights, tokenizer=tokenizer)
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "choice": choice, "seed": seed}
    if as_json or len(prompt) > 1:
        found = writer.write(prompt, stop=stop or [], **options)
        if as_json:
            print_json([{"prompt": p, "text": t} for p, t in zip(prompt, found, strict=True)])
        else:
            print("\n---\n".join(p + t for p, t in zip(prompt, found, strict=True)))
        return
    sys.stdout.write(prompt[0])
    for piece in writer.stream(prompt[0], stop=stop or [], **options):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


@app.command("eval-harness")
def eval_harness(
    name: Annotated[str, typer.Argument(help="A language model, e.g. gpt2.hf.")],
    tasks: Annotated[str, typer.Option(help="Tasks of lm-evaluation-lm_harness, by commas.")],
    num_fewshot: Annotated[int | None, typer.Option(help="Examples before each.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many of each, to try it.")] = None,
    as_json: Json = False,
) -> None:
    """Run tasks of lm-evaluation-harness (pip install 'residual-zoo[harness]')."""
    from zoo.evaluation import lm_harness

    lm_harness.command(
        name, tasks.split(","), num_fewshot=num_fewshot, limit=limit, as_json=as_json
    )
