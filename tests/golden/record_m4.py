"""Golden forecasts of Naive2, M4's benchmark, from the competition's own file.

    python tests/golden/record_m4.py CHECKOUT_OF_M4Competition/M4-methods FILE.csv

FILE.csv is unpacked from "Point Forecasts/submission-Naive2.rar" of the checkout, a clone or a bare
repository.
"""

import argparse
import csv
from pathlib import Path

from record import read, source, write

SERIES = ("H1", "H272")  # hourly, with a season and, alone of all 414, without
HOW = (
    "The organisers ran 'Benchmarks and Evaluation.R'. A past is a row of Dataset/Train/"
    "Hourly-train.csv; its season is a day. Forecasts have ten digits."
)


def rows(text: str) -> dict[str, list[float]]:
    """Return the numbers of each series."""
    lines = csv.reader(text.splitlines()[1:])
    return {name: [float(x) for x in row if x not in ("", "NA")] for name, *row in lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("forecasts", type=Path)
    options = parser.parse_args()
    pasts = rows(read(options.repository, "Dataset/Train/Hourly-train.csv"))
    forecasts = rows(options.forecasts.read_text("utf-8"))
    write(
        "m4",
        source=source(
            "M4Competition/M4-methods", options.repository, "Benchmarks and Evaluation.R"
        ),
        made_by="tests/golden/record_m4.py",
        how=HOW,
        series={name: {"past": pasts[name], "naive2": forecasts[name]} for name in SERIES},
    )


if __name__ == "__main__":
    main()
