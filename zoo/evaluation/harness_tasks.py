"""Tasks of lm-evaluation-harness by the names of 2502.12170."""

# Column of 2502.12170, Table 3 -> the harness's task whose `acc` it is.
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
UNAVAILABLE = {
    "RACE-M": "the harness has the high-school half of RACE alone (RACE-H); the benchmark "
    "lm_eval/race_middle asks the other half alike"
}
