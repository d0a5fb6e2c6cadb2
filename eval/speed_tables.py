"""Tables of docs/performance.md, from the speeds on record."""

from collections.abc import Iterable, Mapping
from typing import Any

from eval.ladder_overlap import BOUND, LADDER, STANDARD
from eval.ladder_overlap import TITLE as OVERLAP
from zoo.evaluation.ledger import Record

COMPILERS = ("torch.compile", "ONNX Runtime", "OpenVINO")
OURS = ("ours", "ours as upscale", "ours, optimized")


def speeds_table(records: Iterable[Record]) -> str:
    """Return a line for each of our networks beside a peer, from the latest record that has it."""
    records = [record for record in records if record["kind"] == "speed"]
    latest = {(r["what"], _network(row)): r for r in records for row in r["rows"]}
    lines = [
        "| record | work | ours | against | times as fast | quartiles | of | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (title, network), record in latest.items():
        for row in record["rows"]:
            is_ours = row["who"].startswith("ours") and not row["against"].startswith("ours")
            if _network(row) == network and is_ours and "ratio" in row:
                quartiles = " to ".join(f"{ratio:.2f}" for ratio in row.get("quartiles", ()))
                ratio, rounds = f"{row['ratio']:.2f}", f"{record['rounds']} rounds"
                if "bytes" in row:
                    ratio, rounds = f"(memory: {ratio} of it)", "one"
                names = (title, row["model"], row["who"], row["against"])
                cpu = record["setting"].get("cpu", "")
                lines.append(f"| {' | '.join((*names, ratio, quartiles, rounds, cpu))} |")
    return "\n".join(lines)


def compilers_table(records: Iterable[Record], what: str = "images") -> str:
    """Return a line for each network: how many times as fast as eager each way to run it is."""
    latest: dict[str, tuple[Record, dict[str, Any]]] = {}
    for record in records:
        if record["kind"] == "speed" and record["what"] == what:
            for name in dict.fromkeys(r["model"] for r in record["rows"] if "preparation" in r):
                rows = {row["who"]: row for row in record["rows"] if row["model"] == name}
                latest[name] = record, rows
    able = [who for who in COMPILERS if any(who in rows for _, rows in latest.values())]
    titles = ("network", "input", "zoo.optimize", *able, "to the best peer", "quartiles")
    lines = [f"| {' | '.join((*titles, 'ready in'))} |", "|---" * (len(titles) + 1) + "|"]
    for name, (record, rows) in latest.items():
        ours = rows["ours, optimized"]
        eager = next(row for who, row in rows.items() if who not in (*COMPILERS, *OURS))
        times = {who: f"{eager['seconds'] / row['seconds']:.2f}" for who, row in rows.items()}
        shape = record["setting"]["inputs"][name]
        cells = (
            name,
            f"{shape[0]} x {shape[-1]}",
            f"{times['ours, optimized']} ({ours['backend']})",
            *(times[who] for who in able),
            f"{ours['ratio']:.2f}",
            " to ".join(f"{ratio:.2f}" for ratio in ours["quartiles"]),
            f"{ours['preparation']:.0f} s",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def memory_table(records: Iterable[Record]) -> str:
    """Return the peak of a training step of reversible networks, by what is kept, and how far off
    the gradients are."""
    lines = [
        "| network | kept | memory | of all | gradients off by |",
        "|---|---|---|---|---|",
    ]
    titles = ("memory of reversible columns", "memory of reversible RevSilos")
    latest = {record["what"]: record for record in records if record["kind"] == "speed"}
    for title in titles:
        for row in latest[title]["rows"]:
            cells = (
                row["model"],
                row["who"].removesuffix(" kept"),
                f"{row['bytes'] / 2**20:.0f} MiB",
                f"{row['ratio']:.2f}",
                f"{row['error']:.0e}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def overlap_table(records: Iterable[Record]) -> str:
    """Return a line for each link: what a standard and a ladder transformer take, and would take by
    the simulation, beside one that never waits for a sum."""
    lines = [
        "| network, link | standard | ladder | without sums | ladder, times as fast as standard |",
        "|---|---|---|---|---|",
    ]
    (*_, last) = (r for r in records if r["kind"] == "speed" and r["what"] == OVERLAP)
    for name in dict.fromkeys(row["model"] for row in last["rows"]):
        rows = {row["who"]: row for row in last["rows"] if row["model"] == name}
        cells = [
            f"{1000 * rows[who]['seconds']:.1f} ({1000 * rows[who]['simulated']:.1f}) ms"
            for who in (STANDARD, LADDER, BOUND)
        ]
        times, simulated = (
            rows[STANDARD][kind] / rows[LADDER][kind] for kind in ("seconds", "simulated")
        )
        lines.append(f"| {' | '.join((name, *cells))} | {times:.2f} ({simulated:.2f}) |")
    return "\n".join(lines)


def _network(row: Mapping[str, Any]) -> str:
    """Return the network of a row, without what was measured of it."""
    name: str = row["model"].partition(",")[0]
    return name
