"""Facts on splits of data sets: numbers of questions, sums of bundled texts."""

# Questions that each task of lm-evaluation-harness asks on the split that it evaluates.
HARNESS_SIZES = {
    "lambada_openai": 5_153,
    "piqa": 1_838,
    "winogrande": 1_267,
    "arc_easy": 2_376,
    "arc_challenge": 1_172,
    "sciq": 1_000,
    "logiqa": 651,
    "boolq": 3_270,
    "hellaswag": 10_042,
    "race_middle": 362,
    "race_high": 1_045,
    "cbt_common_nouns": 2_000,
    "cbt_named_entities": 2_000,
}
PEPS_SUMS = {  # sha256 of the bundled texts
    "train": "507fa56a8ec544564b1faf68d51a286bab806222cacbb86a5cd9ce7b0bbd5995",
    "validation": "68ee344ea48e7e3bf06d3ca2e6df833fc9d2bcf0b5f68d3250aadea4ed517f07",
}
