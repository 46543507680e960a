"""Draws docs/performance.svg from docs/performance.json: `python plot.py JSON SVG`.

It runs in the virtual environment of the benchmarks, which has matplotlib. Grey text without a
background is readable on light and dark pages. Equal results produce equal files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams |= {
    "svg.hashsalt": "performance",
    "svg.fonttype": "none",  # keep text as text: smaller, and in the font of the reader
    "font.family": "sans-serif",
    "font.size": 10,
}

from matplotlib import pyplot as plt  # noqa: E402 - after the settings

_GREY = "#8a8f98"
_STYLES = {
    "Ours": ("this service", "#e8833a"),
    "Bare": ("boto3 script", "#7f8ea3"),
    "EcsDeploy": ("ecs-deploy", "#2a9d8f"),
    "AwsCli": ("AWS CLI", "#9b7ede"),
}
_LABELS = {
    "create": "create",
    "deploy": "deploy to 1",
    "deploy three": "deploy to 3",
    "promote": "promote",
    "swap": "swap",
    "delete": "delete",
}
_THICKNESS = 0.2

Values = Mapping[str, Mapping[str, float]]  # by operation and contender


def draw(results: Mapping[str, Any], target: Path) -> None:
    """Draw a chart of the calls in a row and a chart of the cold times."""
    depths = {
        operation: {name: each["depth"] for name, each in contenders.items()}
        for operation, contenders in results["calls"].items()
    }
    cold = {
        operation: {name: each["cold"] for name, each in contenders.items()}
        for operation, contenders in results["times"]["20"].items()
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.6), sharey=True)
    _bars(left, depths, "AWS calls in a row until the response")
    _bars(right, cold, "cold, 20 ms added to each call, ms")
    left.set_yticks(range(len(_LABELS)), list(_LABELS.values()))
    left.invert_yaxis()
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, frameon=False, labelcolor=_GREY)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(target, transparent=True, metadata={"Date": None, "Creator": None})


def _bars(axes: Any, values: Values, title: str) -> None:
    axes.set_title(title, color=_GREY, fontsize=11)
    for number, (contender, (label, colour)) in enumerate(_STYLES.items()):
        rows = [
            (row, values[operation][contender])
            for row, operation in enumerate(_LABELS)
            if contender in values[operation]
        ]
        places = [row + (number - 1.5) * _THICKNESS for row, _ in rows]
        bars = axes.barh(places, [value for _, value in rows], _THICKNESS * 0.9,
                         color=colour, label=label)  # fmt: skip
        axes.bar_label(bars, fmt="%d", padding=3, color=_GREY, fontsize=8)
    axes.tick_params(colors=_GREY, length=0)
    axes.set_xticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.margins(x=0.12)


def main(arguments: Sequence[str]) -> None:
    """Draw the results of a JSON file to an SVG file."""
    source, target = map(Path, arguments)
    draw(json.loads(source.read_text()), target)


if __name__ == "__main__":
    main(sys.argv[1:])
