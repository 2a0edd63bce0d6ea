"""`make fuzz`: random posts, guided by coverage (atheris), against folding and the judge on duty.

What must hold stands in tests/detect/invariants.py and is the same for the suite: nothing crashes, every place lies inside
the text, every sum is its score, and the folding kernel does what its plain twin in tests/detect/naive.py does. Compiled
kernels show no coverage; the twin is what guides the search through the steps of folding.

A post that breaks a rule is kept in --keep and named; `python -m bench.fuzz FILE` judges it again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from yoake.detect import kernels

LONGEST = 400  # octets of a post: the twin is slow, and long posts are the suite's business


def main() -> int:
    """Runs until the time is over (0) or a post breaks a rule (not 0)."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()), help="where a found post is written"
    )
    arguments.add_argument("file", type=Path, nargs="?", help="judge this file once")
    given = arguments.parse_args()
    if given.file is None and find_spec("atheris") is None:
        print(
            "atheris is not installed: .venv/bin/python -m pip install atheris (Linux on x86-64, Python 3.11 to 3.13)"
        )
        return 2
    if given.file is not None:
        check = checker()
        check(given.file.read_bytes())
        print(f"{given.file}: holds")
        return 0
    import atheris

    for module in iter_modules(kernels.__path__, f"{kernels.__name__}."):
        import_module(module.name)  # beforehand: numba compiles them from their byte code, which must stay as it is
    with atheris.instrument_imports(include=["yoake.detect", "tests.detect"]):
        check = checker()
    check("受け子募集 DM".encode())  # compiles, so that the first random post is not called slow
    with tempfile.TemporaryDirectory() as place:
        corpus, words = Path(place) / "corpus", Path(place) / "words"
        corpus.mkdir()
        seed(corpus, words)
        atheris.Setup(
            [
                sys.argv[0],
                str(corpus),
                f"-max_total_time={given.seconds}",
                f"-seed={given.seed}",
                f"-max_len={LONGEST}",
                f"-dict={words}",
                f"-artifact_prefix={given.keep}/yoake-fuzz-",
                "-print_final_stats=1",
            ],
            check,
        )
        atheris.Fuzz()  # ends the process
    return 0


def checker() -> Any:
    """What judges a post given as octets and raises when a rule is broken."""
    from tests.detect.invariants import folds_as_its_twin, judges, texts_of
    from yoake.detect.serving import load
    from yoake.detect.together import Together

    detector = load()
    judging = [detector.listed, detector.learned, detector] if isinstance(detector, Together) else [detector]

    def check(octets: bytes) -> None:
        fields = texts_of(octets)
        for text in fields.values():
            folds_as_its_twin(text)
        for one in judging:
            judges(one, fields)

    return check


def seed(corpus: Path, words: Path) -> None:
    """Writes the examples of the categories as first posts, and their phrases as words to put together."""
    from tests.detect.worlds import LIVELY
    from yoake.detect.category import load_categories

    categories, _ = load_categories()
    examples = [e for category in categories.values() for e in category.examples]
    for number, example in enumerate(examples):
        post = "\x1e".join((example.text, example.profile, example.parent_text))
        (corpus / str(number)).write_bytes(post.encode()[:LONGEST])
    known = {word for category in categories.values() for phrase in category.phrases for word in phrase.spellings()[:2]}
    lines = ["".join(f"\\x{octet:02x}" for octet in word.encode()[:60]) for word in sorted({*known, *LIVELY, "\x1e"})]
    words.write_text("".join(f'"{line}"\n' for line in lines))


if __name__ == "__main__":
    sys.exit(main())
