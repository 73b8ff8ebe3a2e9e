"""One look for every figure: sizes, colours, and numbers as text."""

import zlib
from functools import cache
from typing import Any, Final, cast

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

from rfm_ml.segments import PROSPECT, load_map, map_names

WIDTH: Final = 7.5
"""Width of a figure in inches: a page of a report, and still legible on a phone."""

INK: Final = "#22282f"
QUIET: Final = "#6b7480"
GRID: Final = "#dfe3e8"
PALE: Final = "#c3cad3"
BLUE: Final = "#1f5f99"
ORANGE: Final = "#c8641b"

# Blue to orange: told apart with every common colour blindness, and in grey the ends are dark.
_VALUE = LinearSegmentedColormap.from_list("value", ["#12385f", "#2a75b3", "#7fb2d4", "#e0b070", "#d07f2f", "#8f4210"])
SHADES: Final = LinearSegmentedColormap.from_list("shades", ["#f3f7fb", "#9cc3e0", "#2a75b3", "#12385f"])
"""From nothing to much, for heat maps."""

RC: Final[dict[str, Any]] = {
    "figure.figsize": (WIDTH, 4.0),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 200,
    "font.size": 12,
    "axes.titlesize": 13.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.titlesize": 13.5,
    "figure.titleweight": "bold",
    "axes.labelsize": 12,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    # A currency sign is a currency sign, not mathematics.
    "text.parse_math": False,
}


def use_style() -> None:
    """Give every figure drawn from now on the look of the report; in a notebook, in double resolution."""
    mpl.rcParams.update(cast(Any, RC))
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Without cropping, so that every figure of a page has the same width.
        set_matplotlib_formats("retina", bbox_inches=None)


def segment_colour(name: str) -> str:
    """Return the colour of a segment, the same in every figure, whoever else is in it.

    Built-in segments go from blue (most valuable) to orange, in the order of their map; a qualified name, as in
    "Champions, lower spend", has a paler shade of the plain one; Prospect is grey;
    the segments of a user's own map get a place between blue and orange by their name.

    Examples
    --------
    >>> segment_colour("Champions"), segment_colour("Prospect")
    ('#12385f', '#c3cad3')
    """
    known = _known_colours()
    if name in known:
        return known[name]
    plain, _, qualified = name.partition(", ")
    if qualified and plain in known:
        pale = 0.25 + zlib.crc32(qualified.encode()) % 100 / 400
        red, green, blue = (part + (1 - part) * pale for part in to_rgb(known[plain]))
        return to_hex((red, green, blue))
    return to_hex(_VALUE(zlib.crc32(name.encode()) % 1000 / 999))


def ordered_colours(number: int) -> list[str]:
    """Return so many colours from blue (the best) to orange, for groups with an order.

    Examples
    --------
    >>> ordered_colours(3)[0], ordered_colours(1)
    ('#12385f', ['#12385f'])
    """
    return [to_hex(_VALUE(i / max(number - 1, 1))) for i in range(number)]


@cache
def _known_colours() -> dict[str, str]:
    colours = {PROSPECT: PALE}
    for name in sorted(map_names(), key=lambda n: n != "twelve"):  # the default map first: its names win
        names = [n for n in load_map(name).all_names() if n != PROSPECT]
        for i, segment in enumerate(names):
            colours.setdefault(segment, to_hex(_VALUE(i / max(len(names) - 1, 1))))
    return colours
