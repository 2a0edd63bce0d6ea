"""A picture from a stranger, opened in a process of its own that may use little memory and little time.

What comes back is grey, small and plain: nothing else ever touches the bytes that were sent. The picture itself is
never written anywhere.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from yoake.errors import BadInput

if TYPE_CHECKING:
    from PIL import Image

TYPES: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
MOST_BYTES: Final = 5_000_000
MOST_PIXELS: Final = 25_000_000
THUMBNAIL: Final = 128  # pixels of a side
_LEAST_SIDE: Final = 24  # pixels; nothing can be read in less
_LONGEST_SIDE: Final = 2000  # pixels; larger ones are made smaller
_SMALL_SIDE: Final = 400  # pixels; pictures below are doubled (letters of more than 80 pixels are read badly)
_DARK: Final = 110  # mean grey: below, letters are taken to be light on dark
_TIMEOUT_S: Final = 15.0
_MEMORY_BYTES: Final = 1 << 30
_ACCEPTED: Final = "a PNG, JPEG, WebP or GIF of at most 25 million pixels and 5 MB"


@dataclass(frozen=True)
class Picture:
    """The first frame of a picture, ready to be read."""

    width: int  # of `grey`
    height: int
    grey: bytes  # one octet a pixel, dark letters on light
    dhash: int  # 64 bits: whether each of 8 x 8 places is darker than the next one to the right
    thumbnail: bytes  # THUMBNAIL x THUMBNAIL grey


def open_picture(octets: bytes, mime: str = "") -> Picture:
    """Opens a picture; `mime` is what it was said to be, "" when nobody said.

    Raises BadInput, whose `value` is why: too_big, too_many_pixels, too_small, wrong_type, truncated, unreadable, too_slow.
    """
    if len(octets) > MOST_BYTES:
        raise _wrong("too_big")
    if mime and mime not in TYPES:
        raise _wrong("wrong_type")
    try:
        ran = subprocess.run(  # noqa: S603 - our own program; the stranger's bytes go to standard input
            [sys.executable, "-P", "-m", "yoake.detect.picture", mime],
            input=octets,
            capture_output=True,
            timeout=_TIMEOUT_S,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _wrong("too_slow") from None
    head, _, rest = ran.stdout.partition(b"\n")
    if ran.returncode or not head:  # out of memory or time, or a decoder that crashed
        raise _wrong("unreadable")
    told: dict[str, Any] = json.loads(head)
    if "problem" in told:
        raise _wrong(told["problem"])
    thumbnail, grey = rest[: THUMBNAIL**2], rest[THUMBNAIL**2 :]
    if len(grey) != told["width"] * told["height"]:
        raise _wrong("unreadable")
    return Picture(told["width"], told["height"], grey, int(told["dhash"], 16), thumbnail)


def _wrong(why: str) -> BadInput:
    return BadInput("picture", why, _ACCEPTED)


# ---------------------------------------------------------------- in the process of its own


def _main(mime: str) -> None:
    """Reads a picture from standard input; writes one line of JSON, then thumbnail and pixels."""
    _bound()
    octets = sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        picture = _opened(octets, mime)
    except BadInput as problem:
        sys.stdout.buffer.write(json.dumps({"problem": problem.value}).encode() + b"\n")
        return
    told = {"width": picture.width, "height": picture.height, "dhash": f"{picture.dhash:x}"}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + picture.thumbnail + picture.grey)


def _bound() -> None:
    """Little memory, little time, no files; where the system knows no such bounds, the time-out is all."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(_TIMEOUT_S)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _opened(octets: bytes, mime: str) -> Picture:
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limit is ours and is looked at before anything is unpacked
    try:
        with Image.open(io.BytesIO(octets), formats=list(TYPES.values())) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _wrong("too_many_pixels")
            if min(image.size) < _LEAST_SIDE:
                raise _wrong("too_small")
            if mime and image.format != TYPES[mime]:
                raise _wrong("wrong_type")
            image.load()  # of an animation the first frame
            upright = ImageOps.exif_transpose(image)
            grey = _on_white(upright)
    except UnidentifiedImageError:
        raise _wrong("wrong_type") from None
    except (OSError, SyntaxError):  # what Pillow raises where data end or do not fit
        raise _wrong("truncated") from None
    except (ValueError, EOFError, MemoryError, OverflowError):
        raise _wrong("unreadable") from None
    few = grey.resize((9, 8), Image.Resampling.BOX).tobytes()
    dhash = 0
    for row in range(8):
        for column in range(8):
            dhash = dhash << 1 | (few[row * 9 + column] < few[row * 9 + column + 1])
    thumbnail = grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX).tobytes()
    ready = _ready(grey)
    return Picture(ready.width, ready.height, ready.tobytes(), dhash, thumbnail)


def _on_white(image: Image.Image) -> Image.Image:
    """Grey; what was transparent is white."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L")


def _ready(grey: Image.Image) -> Image.Image:
    """Of a size and contrast in which letters are read well: dark on light."""
    from PIL import Image, ImageOps, ImageStat

    longest = max(grey.size)
    factor = _LONGEST_SIDE / longest if longest > _LONGEST_SIDE else 2.0 if longest < _SMALL_SIDE else 1.0
    if factor != 1.0:
        size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    if ImageStat.Stat(grey).mean[0] < _DARK:
        grey = ImageOps.invert(grey)
    return ImageOps.autocontrast(grey, cutoff=1)


if __name__ == "__main__":
    _main(sys.argv[1] if len(sys.argv) > 1 else "")
