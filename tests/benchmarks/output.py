"""The results of the benchmark: a table as Markdown and as JSON, and a plot."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.keeping import missing
from tests.benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.lines import Line

COLUMNS = ("what", "unit", "ours", "compared to", "theirs", "ours to theirs", "95 %", "target", "met")
PACKAGES = (
    "hiredis",
    "langchain-community",
    "langchain-core",
    "langchain-redis",
    "langgraph",
    "langgraph-checkpoint-redis",
    "llama-index-core",
    "llama-index-storage-chat-store-redis",
    "llama-index-storage-chat-store-upstash",
    "openai-agents",
    "redis",
    "redisvl",
    "upstash-redis",
)
"""Whose versions are told."""

NOTES = """\
Figures are medians, of sides that took turns in one run. Ours to theirs is the ratio of the medians; 95 %, the interval
that holds it for 95 % of resamples (bootstrap). Where there is nobody to compare to, the target is for our own figure.
A turn is the text of a user and the answer of an assistant, from real conversations where they are at hand; the window
is 10 turns. Histories and stores are made once for each session, as are their connections, theirs as well as ours.
Where a client waits for each answer, it and the server have cores of their own, as on two machines (--cores has them
share one, which makes bare commands twice as fast, or leaves it to the scheduler, which does now this and now that).
Turns are written to 30 sessions, one after the other. Whole turns are counted when the window is full, and timed from
then on, 40 of them: the peers' conversations grow. Short sessions have one to three turns; some are written, the others
are copies that the server makes (COPY). What is searched are sessions of 25 turns; where theirs search one session at a
time, all sessions are a call for each."""

DIGITS = 3


def machine(redis_version: str) -> dict[str, Any]:
    """Return what it ran on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Redis": redis_version,
        **{package: version(package) for package in PACKAGES if not missing([package])},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def markdown(lines: Sequence[Line], ran_on: dict[str, Any]) -> str:
    """Return the table, row by row of the targets, and what is to be known of it."""
    parts: list[str] = []
    for row in dict.fromkeys(line.row for line in lines):
        parts += [f"### {row}", "", table(COLUMNS, [_cells(line) for line in lines if line.row == row]), ""]
    verdicts = [line.is_met for line in lines if line.is_met is not None]
    parts += [
        f"{sum(verdicts)} of {len(verdicts)} targets are met.",
        "",
        NOTES,
        "",
        ", ".join(f"{name} {value}" for name, value in ran_on.items()),
    ]
    return "\n".join(parts)


def _cells(line: Line) -> list[str]:
    met = {None: "", True: "yes", False: "**no**"}[line.is_met]
    note = f" ({line.note})" if line.note else ""
    return [
        line.what if line.other else line.what + note,
        line.unit,
        _number(line.ours),
        line.other + note if line.other else "",
        _number(line.theirs),
        _number(line.ratio.value) if line.ratio else "",
        f"{_number(line.ratio.low)} to {_number(line.ratio.high)}" if line.ratio else "",
        str(line.target or ""),
        met,
    ]


def _number(value: float | None) -> str:
    """Return three digits of a number, or all of those before its point."""
    if value is None:
        return ""
    if not value:
        return "0"
    places = max(DIGITS - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{0 if value == round(value) else places}f}"


def as_json(lines: Sequence[Line], ran_on: dict[str, Any]) -> str:
    """Return all figures."""
    told = [{**asdict(line), "target": str(line.target) if line.target else None, "met": line.is_met} for line in lines]
    return json.dumps({"machine": ran_on, "lines": told}, indent=1, ensure_ascii=False)


def _last(curve: tuple[str, dict[int, float]]) -> float:
    """Return the last figure of a curve, by which the legend is in the order of the curves."""
    return list(curve[1].values())[-1]


def plot(lines: Sequence[Line], path: Path) -> None:
    """Draw what reading takes over the length of the conversation, if that was measured and matplotlib is here."""
    curves: dict[str, dict[int, float]] = {}
    for line in lines:
        if line.turns and line.ours is not None and line.theirs is not None:
            curves.setdefault(line.keeper, {}).setdefault(line.turns, line.ours)
            curves.setdefault(line.other, {})[line.turns] = line.theirs
    if not curves or missing(["matplotlib"]):
        return
    figure: Any = import_module("matplotlib.figure").Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    colors = import_module("matplotlib").colormaps["tab20"].colors
    for color, (name, curve) in zip(colors, sorted(curves.items(), key=_last, reverse=True), strict=False):
        style = {"linewidth": 3} if name.startswith("ours") else {"linewidth": 1, "linestyle": "--"}
        axes.plot(list(curve), list(curve.values()), marker="o", label=name, color=color, **style)
    axes.set(xscale="log", yscale="log", xlabel="turns in the conversation", ylabel="µs to read the context")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=150)
