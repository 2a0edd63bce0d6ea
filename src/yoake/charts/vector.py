"""What matplotlib draws, as a small SVG: presentation attributes instead of styles, no ids but those of hatches.

matplotlib's own SVG writes styles, which a strict content policy refuses in a page, an id and a group for everything, and is
five times as long.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform

from yoake.charts.words import width

# What the desk's pages use; on paper only the last but one is there.
FAMILY: Final = "Hiragino Sans, Hiragino Kaku Gothic ProN, Noto Sans JP, Noto Sans CJK JP, Yu Gothic UI, Meiryo, IPAexGothic, IPAGothic, sans-serif"  # fmt: skip
_ANCHORS: Final = {"left": "", "center": "middle", "right": "end"}
# How a tile of lines (h: across its middle, v: also upright) is turned for a hatch, in degrees.
_HATCHES: Final = {"/": ("h", -45), "\\": ("h", 45), "-": ("h", 0), "|": ("h", 90), "x": ("v", 45), "+": ("v", 0)}


def written(figure: Figure, name: str, size: float, ink: str) -> bytes:
    """A figure of 72 dots an inch as an SVG whose accessible name is `name`; most of its text has this size and colour."""
    across, high = figure.get_size_inches() * 72
    renderer = _Vector(float(across), float(high), size, ink)
    figure.draw(renderer)
    box = f"{_number(across)} {_number(high)}"
    defined = f"<defs>{''.join(renderer.patterns.values())}</defs>" if renderer.patterns else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box}" width="{_number(across)}" height="{_number(high)}" '
        f'role="img" aria-label={quoteattr(name)} font-family={quoteattr(FAMILY)} font-size="{_number(size)}" fill="{ink}">'
        f"<title>{escape(name)}</title>{defined}{''.join(renderer.parts)}</svg>\n"
    ).encode()


class _Vector(RendererBase):
    def __init__(self, across: float, high: float, size: float, ink: str) -> None:
        super().__init__()
        self._width, self._height, self._size, self._ink = across, high, size, ink
        self._flip = Affine2D().scale(1, -1).translate(0, high)
        self.parts: list[str] = []
        self.patterns: dict[str, str] = {}

    def flipy(self) -> bool:
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self._width, self._height

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        size = prop.get_size_in_points()
        return width(s, size), size, 0.12 * size

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None) -> None:  # noqa: N803
        self._drawn(gc, _described(path, transform + self._flip), rgbFace)

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,  # noqa: N803
    ) -> None:
        """All marks of a series are one path."""
        places = trans.transform(path.vertices).tolist()
        told = [_described(marker_path, marker_trans + Affine2D().translate(x, y) + self._flip) for x, y in places]
        self._drawn(gc, "".join(told), rgbFace)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        anchor = ""
        if (
            mtext is not None
        ):  # the place it is tied to, because a screen's font may be wider than the one it was measured in
            anchor = _ANCHORS[mtext.get_ha()]
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
        told = f'<text x="{_number(x)}" y="{_number(y)}"'
        if anchor:
            told += f' text-anchor="{anchor}"'
        if (size := prop.get_size_in_points()) != self._size:
            told += f' font-size="{_number(size)}"'
        if (ink := to_hex(gc.get_rgb())) != self._ink:
            told += f' fill="{ink}"'
        self.parts.append(f"{told}>{escape(s)}</text>")

    def _drawn(self, gc: GraphicsContextBase, told: str, face: Any) -> None:
        look = ""
        if face is None or (len(face) == 4 and face[3] == 0):
            look += ' fill="none"'
        else:
            look += f' fill="{to_hex(face)}"'
            opacity = face[3] if len(face) == 4 and not gc.get_forced_alpha() else gc.get_alpha()
            if opacity is not None and opacity < 1:
                look += f' fill-opacity="{_number(opacity)}"'
        ink = gc.get_rgb()
        if gc.get_linewidth() > 0 and ink[3] > 0:
            look += f' stroke="{to_hex(ink)}"'
            if (wide := gc.get_linewidth()) != 1:
                look += f' stroke-width="{_number(wide)}"'
            dashes: Any = gc.get_dashes()[1]
            if dashes is not None:
                look += f' stroke-dasharray="{" ".join(_number(one) for one in dashes)}"'
        self.parts.append(f'<path d="{told}"{look}/>')
        if gc.get_hatch() is not None:
            self.parts.append(f'<path d="{told}" fill="url(#{self._pattern(gc)})"/>')

    def _pattern(self, gc: GraphicsContextBase) -> str:
        """The hatch as a tile of its own: lines as far apart as matplotlib has them, six to the inch and sign."""
        hatch, ink = str(gc.get_hatch()), to_hex(gc.get_hatch_color())
        side, (kind, turned) = 12 / len(hatch), _HATCHES[str(gc.get_hatch())[0]]
        lines = f"M0 {_number(side / 2)}h{_number(side)}" + (
            f"M{_number(side / 2)} 0v{_number(side)}" if kind == "v" else ""
        )
        look = f'width="{_number(side)}" height="{_number(side)}"' + (
            f' patternTransform="rotate({turned})"' if turned else ""
        )
        # Named by what it is: several charts in one page never mean each other's.
        name = f"h{sha256((lines + look + ink).encode()).hexdigest()[:8]}"
        wide = _number(gc.get_hatch_linewidth())
        self.patterns[name] = (
            f'<pattern id="{name}" patternUnits="userSpaceOnUse" {look}>'
            f'<path d="{lines}" stroke="{ink}" stroke-width="{wide}"/></pattern>'
        )
        return name


def _described(path: Path, transform: Transform) -> str:
    """A path of straight lines; the charts have no others."""
    places: list[tuple[float, float]] = transform.transform(path.vertices).tolist()
    codes: Any = path.codes if path.codes is not None else [Path.MOVETO] + [Path.LINETO] * (len(places) - 1)
    told: list[str] = []
    at = ("", "")
    for (x, y), code in zip(places, codes, strict=True):
        to = _number(x), _number(y)
        if code == Path.CLOSEPOLY:
            told.append("Z")
        elif code == Path.MOVETO:
            told.append(f"M{to[0]} {to[1]}")
        elif code == Path.LINETO and to != at:
            told.append(f"V{to[1]}" if to[0] == at[0] else f"H{to[0]}" if to[1] == at[1] else f"L{to[0]} {to[1]}")
        at = to
    return "".join(told)


def _number(value: float) -> str:
    """To a tenth of a pixel."""
    told = f"{value:.1f}"
    told = told[:-2] if told.endswith(".0") else told
    return "0" if told == "-0" else told
