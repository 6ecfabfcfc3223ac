"""The drawing as PNG, with Pillow and the font that it brings along; the optional extra `pictures`."""

from functools import singledispatchmethod
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from switchboard.schema.diagrams.drawing import Drawing
from switchboard.schema.diagrams.lettering import BOLD
from switchboard.schema.diagrams.png_file import written
from switchboard.schema.diagrams.shapes import Dot, Path, Rectangle, Text

SCALE: Final = 2  # so that it is sharp on fine screens too
_FINER: Final = 2  # it is drawn larger and made smaller, for smooth edges
_COLOURS: Final = 160
_DASH: Final = (5.0, 4.0)


def png(drawing: Drawing, note: str) -> bytes:
    """The picture at twice its size, which carries the note."""
    times = SCALE * _FINER
    image = Image.new("RGB", (round(drawing.width * times), round(drawing.height * times)), "#ffffff")
    pen = _Pen(ImageDraw.Draw(image), times)
    for shape in drawing.shapes:
        pen.draw(shape)
    small, palette = _in_few_colours(image.reduce(_FINER))
    return written(small.size, palette, small.tobytes(), note)


def _in_few_colours(image: Image.Image) -> tuple[Image.Image, bytes]:
    """With a palette found in a part of the points, which is far quicker; the ground stays white."""
    part = image.resize((image.width // 3, image.height // 3), Image.Resampling.NEAREST)
    few = image.quantize(palette=part.quantize(_COLOURS, dither=Image.Dither.NONE), dither=Image.Dither.NONE)
    palette, ground = bytearray(few.getpalette() or []), 3 * few.tobytes()[0]
    palette[ground : ground + 3] = b"\xff\xff\xff"
    return few, bytes(palette)


class _Pen:
    def __init__(self, canvas: ImageDraw.ImageDraw, times: int) -> None:
        self._canvas, self._times = canvas, times
        self._fonts: dict[float, ImageFont.FreeTypeFont] = {}

    @singledispatchmethod
    def draw(self, shape: object) -> None:
        raise TypeError(shape)

    @draw.register
    def _(self, shape: Rectangle) -> None:
        box = self._scaled(shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)
        corners = (True, True, not shape.flat, not shape.flat)
        self._canvas.rounded_rectangle(
            box, shape.radius * self._times, shape.fill, shape.stroke or None, self._times, corners=corners
        )

    @draw.register
    def _(self, shape: Path) -> None:
        width = round(shape.width * self._times)
        pieces = _dashes(shape.points) if shape.dashed else [shape.points]
        for points in pieces:
            scaled = [(round(x * self._times), round(y * self._times)) for x, y in points]
            self._canvas.line(scaled, shape.colour, width, joint="curve")

    @draw.register
    def _(self, shape: Dot) -> None:
        r = shape.radius
        box = self._scaled(shape.x - r, shape.y - r, shape.x + r, shape.y + r)
        self._canvas.ellipse(box, shape.colour)

    @draw.register
    def _(self, shape: Text) -> None:
        font = self._font(shape.size)
        bolder = BOLD * shape.size * self._times / 2 if shape.bold else 0
        x, y = shape.x, shape.y
        for letter in shape.text:  # one by one, so that the picture is as wide as it was measured
            at = (x * self._times, y * self._times)
            self._canvas.text(at, letter, shape.colour, font, anchor="ls", stroke_width=bolder)
            x += Text(0, 0, letter, shape.size, "", shape.bold).width

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        if size not in self._fonts:
            font = ImageFont.load_default(size * self._times)
            assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101  (without FreeType Pillow has no other)
            self._fonts[size] = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
        return self._fonts[size]

    def _scaled(self, *lengths: float) -> tuple[float, ...]:
        return tuple(round(each * self._times) for each in lengths)


def _dashes(points: tuple[tuple[float, float], ...]) -> list[tuple[tuple[float, float], ...]]:
    """A straight line in dashes; it runs along an axis."""
    (x1, y1), (x2, y2) = points[0], points[-1]
    length = max(abs(x2 - x1), abs(y2 - y1))
    found, at = [], 0.0
    while at < length:
        end = min(at + _DASH[0], length)
        found.append(tuple((x1 + (x2 - x1) * t / length, y1 + (y2 - y1) * t / length) for t in (at, end)))
        at += sum(_DASH)
    return found
