"""Pictures with text in them, drawn for the tests."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests import needs

ADVERTISEMENT = ("受け子募集", "即日即金 日給10万円", "詳しくはテレグラムで")
HARMLESS = ("朝市のお知らせ", "野菜 果物 手作りパン", "日曜日の朝8時から")


def poster(
    lines: Sequence[str] = ADVERTISEMENT, *, size: int = 40, paper: str = "white", ink: str = "black"
) -> Image.Image:
    """Lines of text on paper."""
    font = ImageFont.truetype(needs.need("noto"), size)
    width = 80 + max(round(font.getlength(line)) for line in lines)
    image = Image.new("RGB", (width, 40 + size * 2 * len(lines)), paper)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((30, 20 + number * size * 2), line, font=font, fill=ink)
    return image


def columns(lines: Sequence[str], *, size: int = 40) -> Image.Image:
    """Text from top to bottom, columns from right to left."""
    font = ImageFont.truetype(needs.need("noto"), size)
    image = Image.new("RGB", (size * 2 * len(lines) + 80, 80 + (size + 6) * max(map(len, lines))), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        for place, character in enumerate(line):
            draw.text(
                (image.width - size * 2 * (number + 1), 40 + place * (size + 6)), character, font=font, fill="black"
            )
    return image


def photograph(width: int = 1200, height: int = 900, *, seed: int = 1) -> Image.Image:
    """Blurred patches of colour, as photographs look from far away."""
    patches = np.random.default_rng(seed).random((height // 30, width // 30, 3)) * 255
    return Image.fromarray(patches.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)


def captioned(lines: Sequence[str] = ADVERTISEMENT) -> Image.Image:
    """White letters with a black rim on a photograph."""
    image, font = photograph(), ImageFont.truetype(needs.need("noto"), 56)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((80, 100 + number * 120), line, font=font, fill="white", stroke_width=5, stroke_fill="black")
    return image


def octets(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()
