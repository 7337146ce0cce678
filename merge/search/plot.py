"""A curve as a picture. Matplotlib is an extra; nothing of it is loaded before a picture is asked for."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...choices import PICTURES
from ...errors import ConfigError, MissingExtraError
from ...files import check_writable, write_file
from ...metrics import NDCG_10
from ...registry.search_file import Curve, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_WIDTH, _HEIGHT = 6.4, 4.4  # inches, of one line's axes
# Fonts with Chinese characters, as systems name them; the first that is there is taken.
_CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)
_CJK_START = 0x2E80  # where Unicode's blocks of Chinese, Japanese and Korean begin
_STYLE = {"svg.hashsalt": "adapt", "svg.fonttype": "none", "text.parse_math": False}


def check_plot(path: Path) -> None:
    """Check before the work whether a picture can be written.

    Raises:
        ConfigError: the name ends in another suffix, or it could not be written.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in PICTURES:
        raise ConfigError(f"{path} ends in {path.suffix or 'nothing'}; a picture is written as {' or '.join(PICTURES)}")
    check_writable(path)
    try:
        import matplotlib.figure  # noqa: F401 (is it there)
    except ImportError as e:
        raise MissingExtraError("a picture of the curve", "plot") from e


def plot_curve(curve: Curve, path: Path) -> None:
    """Write a curve as svg or png, by the suffix; the same curve gives the same bytes with the same matplotlib and fonts.

    In an svg, names are text that the viewer sets. In a png, a name that no font here has is replaced by its number.

    Raises:
        ConfigError: as `check_plot`, or the file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    check_plot(path)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    kind = path.suffix.lower()[1:]
    families = ["DejaVu Sans", *_chinese_font()]  # matplotlib's own, and behind it one for what it lacks
    plain = _plain_names(curve) if kind == "png" and len(families) == 1 else {}
    with mpl.rc_context(_STYLE | {"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)  # an svg's text is the viewer's to set
        figure = Figure(figsize=(_WIDTH * len(curve.lines), _HEIGHT), layout="constrained")
        for number, line in enumerate(curve.lines, start=1):
            handles = _draw(figure.add_subplot(1, len(curve.lines), number), curve, line, plain)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize="small")  # the same for every line
        picture = io.BytesIO()
        figure.savefig(picture, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else {"Software": None})
    write_file(path, picture.getvalue())


def _draw(axes: Axes, curve: Curve, line: Line, plain: Mapping[str, str]) -> list[Line2D]:
    """Draw one line's axes and return what the legend names."""
    xs = [each.x for each in line.points]
    handles = []
    for domain in curve.domains:
        ys = [each.measurement.ndcg[domain] for each in line.points]
        (drawn,) = axes.plot(xs, ys, marker="o", markersize=3, label=plain.get(domain, domain))
        axes.axhline(curve.base.ndcg[domain], color=drawn.get_color(), linestyle=":", linewidth=1)
        handles.append(drawn)
    axes.set_xlabel(_in_plain_names(line.axis, plain))
    axes.set_ylabel(f"{NDCG_10} on dev (0 to 1; dotted: the base)")
    general = axes.twinx()
    label = "general (Spearman, -1 to 1)" if curve.general_kind == "spearman" else "closeness to the base (cosine, -1 to 1)"
    (drawn,) = general.plot(xs, [each.measurement.general for each in line.points], color="0.45", linestyle="--", label=label)
    general.axhline(curve.base.general, color="0.45", linestyle=":", linewidth=1)
    general.set_ylabel(label)
    return [*handles, drawn]


def _chinese_font() -> list[str]:
    from matplotlib.font_manager import fontManager

    here = {font.name for font in fontManager.ttflist}
    return [name for name in _CJK_FONTS if name in here][:1]


def _plain_names(curve: Curve) -> dict[str, str]:
    """Return what stands for the names that matplotlib's own font cannot draw: their numbers."""
    numbered = [(f"domain {row}", name) for row, name in enumerate(curve.domains, start=1)]
    numbered += [(f"adapter {row}", name) for row, name in enumerate(curve.names, start=1) if name not in curve.domains]
    return {name: plain for plain, name in numbered if any(ord(character) >= _CJK_START for character in name)}


def _in_plain_names(text: str, plain: Mapping[str, str]) -> str:
    for name, instead in plain.items():
        text = text.replace(name, instead)
    return text
