"""The drawing as SVG: the same text everywhere, and no text wider than it was measured."""

from functools import singledispatch
from html import escape
from typing import Final

from switchboard.schema.diagrams.drawing import Drawing
from switchboard.schema.diagrams.shapes import Dot, Path, Rectangle, Text

_FONT: Final = "Aileron, Helvetica, Arial, 'Liberation Sans', sans-serif"


def svg(drawing: Drawing) -> str:
    """The whole picture, a shape a line."""
    size = f'width="{_n(drawing.width)}" height="{_n(drawing.height)}"'
    box = f'viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}"'
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} font-family="{_FONT}">'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    title = "<title>Switchboard: entities and relations</title>"
    return "\n".join([begin, title, ground, *map(_shape, drawing.shapes), "</svg>", ""])


@singledispatch
def _shape(shape: object) -> str:
    raise TypeError(shape)


@_shape.register
def _(shape: Rectangle) -> str:
    stroke = f' stroke="{shape.stroke}"' if shape.stroke else ""
    x, y, width, height, r = shape.x, shape.y, shape.width, shape.height, shape.radius
    if not shape.flat:
        at = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(r)}"'
        return f'<rect {at} fill="{shape.fill}"{stroke}/>'
    corner = f"a{_n(r)} {_n(r)} 0 0 1"
    sides = f"v-{_n(height - r)}{corner} {_n(r)} -{_n(r)}h{_n(width - 2 * r)}{corner} {_n(r)} {_n(r)}v{_n(height - r)}z"
    return f'<path d="M{_n(x)} {_n(y + height)}{sides}" fill="{shape.fill}"{stroke}/>'


@_shape.register
def _(shape: Path) -> str:
    points = "L".join(f"{_n(x)} {_n(y)}" for x, y in shape.points)
    dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
    return f'<path d="M{points}" fill="none" stroke="{shape.colour}" stroke-width="{_n(shape.width)}"{dashes}/>'


@_shape.register
def _(shape: Dot) -> str:
    return f'<circle cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}" fill="{shape.colour}"/>'


@_shape.register
def _(shape: Text) -> str:
    if not shape.text:
        return ""
    at = f'x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.colour}"'
    fitted = f'textLength="{_n(shape.width)}" lengthAdjust="spacingAndGlyphs"'
    bold = ' font-weight="bold"' if shape.bold else ""
    return f"<text {at}{bold} {fitted}>{escape(shape.text, quote=False)}</text>"


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
