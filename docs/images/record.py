"""Draws what a command printed as an SVG: `python docs/images/record.py demo.log docs/images/demo.svg`.

The command is `make demo`, or the third argument.

Long stretches of lines that look alike are cut in their middle; the paths of the project and of the home
folder are shortened.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 112
SHOWN_OF_A_STRETCH = 2
STYLES = {
    r"^===.*": "bold cyan",
    r"^---.*": "dim",
    r"^  \+ .*": "green",
    r"^  created .*": "green",
    r"^  (-|deleted) .*": "red",
    r"^epoch .*": "white",
    r"^Nothing of job .*": "bold green",
    r"^Done in .*": "bold green",
    r"^accuracy: .*": "bold",
}


def main(log: Path, picture: Path, command: str = "make demo") -> None:
    lines = [_without_folder(line) for line in log.read_text().splitlines()]
    start = next((number for number, line in enumerate(lines) if line.startswith("===")), 0)
    console = Console(
        record=True, width=WIDTH, file=sys.stderr, force_terminal=True, color_system="truecolor"
    )
    console.print(Text(f"$ {command}", style="bold"))
    for line in _cut(lines[start:]):
        style = next((style for pattern, style in STYLES.items() if re.match(pattern, line)), "")
        console.print(Text(line[: WIDTH - 1], style=style), no_wrap=True)
    svg = console.export_svg(title=command)
    # The fonts that the template would fetch from the internet are left to the reader's machine.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    picture.write_text(svg)


def _without_folder(line: str) -> str:
    return line.replace(f"{Path.cwd()}/", "").replace(str(Path.home()), "~")


def _cut(lines: list[str]) -> list[str]:
    kept: list[str] = []
    stretch: list[str] = []
    for line in [*lines, ""]:
        if stretch and _kind(line) == _kind(stretch[0]) and _kind(line):
            stretch.append(line)
            continue
        kept += _shortened(stretch)
        stretch = [line]
    return kept


def _shortened(stretch: list[str]) -> list[str]:
    if len(stretch) <= 2 * SHOWN_OF_A_STRETCH + 1:
        return stretch
    left_out = len(stretch) - 2 * SHOWN_OF_A_STRETCH
    return [*stretch[:SHOWN_OF_A_STRETCH], f"  ... {left_out} more", *stretch[-SHOWN_OF_A_STRETCH:]]


def _kind(line: str) -> str:
    found = re.match(r"^(  [-+=] |  created |  deleted |epoch )", line)
    return found.group(1) if found else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:4])
