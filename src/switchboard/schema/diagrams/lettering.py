"""How wide a text is, so that a picture can be laid out on any machine, with no font at hand.

The font is Aileron Regular, which Pillow brings along; the widths are without kerning, in thousandths of its size.
"""

from typing import Final

_FIRST: Final = " "
_WIDTHS: Final = (
    216, 242, 339, 580, 580, 740, 654, 176, 315, 315, 560, 580, 220, 274, 220, 303, 580, 580, 580, 580, 580, 580, 580,
    580, 580, 580, 220, 220, 580, 580, 580, 499, 852, 639, 627, 699, 709, 587, 567, 710, 730, 264, 544, 609, 575, 866,
    718, 737, 598, 733, 619, 585, 612, 682, 622, 952, 625, 581, 591, 307, 303, 295, 580, 500, 300, 531, 611, 529, 615,
    549, 290, 615, 593, 238, 233, 522, 247, 855, 593, 586, 611, 615, 330, 459, 313, 592, 514, 785, 482, 513, 462, 303,
    250, 303, 580,
)  # fmt: skip
BOLD: Final = 0.024  # of the size: by so much each letter is drawn bolder, and set wider


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Of printable ASCII; KeyError for anything else, which the font might lack."""
    wider = BOLD * 1000 if bold else 0
    return sum(_width(letter) + wider for letter in text) * size / 1000


def _width(letter: str) -> int:
    place = ord(letter) - ord(_FIRST)
    if not 0 <= place < len(_WIDTHS):
        raise KeyError(letter)
    return _WIDTHS[place]
