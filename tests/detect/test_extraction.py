"""What is read from a post: kinds, values, places in the original; nothing that is written can break it."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from datetime import date
from importlib import resources
from pathlib import Path

import base58
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yoake.detect.text.extraction import LONGEST, extract
from yoake.detect.text.wallets import coin_of, keccak256

SHARED = Path(__file__).parents[3] / "shared" / "data"
POSTED = date(2026, 11, 22)  # a Sunday
PAYLOAD = bytes(range(20))


def read(text: str, *kinds: str, at: date | None = POSTED) -> list[tuple[str, str]]:
    return [(text[one.start : one.end], one.value) for one in extract(text, at) if one.kind in kinds]


@pytest.mark.parametrize(
    ("text", "span", "value"),
    [
        ("5万あげます", "5万", "50000 JPY"),
        ("報酬は５〜10万円です", "報酬は５〜10万円", "50000-100000 JPY/job"),
        ("日給50k", "日給50k", "50000 JPY/day"),
        ("1件3万", "1件3万", "30000 JPY/job"),
        ("時給5,000円", "時給5,000円", "5000 JPY/hour"),
        ("日\u200b給5万〜１０万円！", "日\u200b給5万〜１０万円", "50000-100000 JPY/day"),
    ],
)
def test_money(text: str, span: str, value: str) -> None:
    assert read(text, "money") == [(span, value)]


def test_a_pay_period_belongs_to_one_amount() -> None:
    assert [value for _, value in read("時給5000円、5万〜10万円", "money")] == ["5000 JPY/hour", "50000-100000 JPY"]


@pytest.mark.parametrize(
    ("text", "span", "value"),
    [
        ("LINE ID: mihon_01まで", "mihon_01", "line:mihon_01"),
        ("テレグラム@mihon_x", "mihon_x", "telegram:mihon_x"),
        ("T e l e g r a m ： ＠mihon.y.", "mihon.y", "telegram:mihon.y"),
        ("カカオ→mihon99", "mihon99", "kakaotalk:mihon99"),
        ("シグナルのIDは mihon.55", "mihon.55", "signal:mihon.55"),
        ("t[.]me/mihon_kana", "t[.]me/mihon_kana", "telegram:mihon_kana"),
        ("https://line.me/ti/p/~mihon12", "https://line.me/ti/p/~mihon12", "line:~mihon12"),
        ("ID：mihon_z", "mihon_z", "id:mihon_z"),
        ("@mihon_a へ", "mihon_a", "@mihon_a"),
        ("a.b@mihon.example", "a.b@mihon.example", "mail:a.b@mihon.example"),
        ("05" + "0a" * 32, "05" + "0a" * 32, "session:05" + "0a" * 32),
    ],
)
def test_contacts(text: str, span: str, value: str) -> None:
    assert read(text, "contact") == [(span, value)]


@pytest.mark.parametrize("text", ["オンラインで", "ガイドライン", "ラインナップ", "on line now", "in this session"])
def test_words_that_are_no_app(text: str) -> None:
    assert read(text, "app", "contact") == []


@pytest.mark.parametrize(
    ("text", "span", "value"),
    [
        ("hxxps://mihon[.]example/a?b=1。", "hxxps://mihon[.]example/a?b=1", "https://mihon.example/a?b=1"),
        ("詳細はhttp://mihon.exampleまで", "http://mihon.example", "http://mihon.example"),
        ("（ｈｔｔｐｓ：／／mihon.example/x）", "ｈｔｔｐｓ：／／mihon.example/x", "https://mihon.example/x"),
        ("mihon[.]invalid", "mihon[.]invalid", "mihon.invalid"),
    ],
)
def test_urls(text: str, span: str, value: str) -> None:
    assert read(text, "url") == [(span, value)]


def monero(network: int) -> str:
    octets = bytes([network]) + bytes(range(64))
    octets += keccak256(octets)[:4]
    blocks = [octets[at : at + 8] for at in range(0, len(octets), 8)]
    return "".join(
        base58.b58encode_int(int.from_bytes(block, "big")).decode().rjust(11 if len(block) == 8 else 7, "1")
        for block in blocks
    )


WALLETS = {
    base58.b58encode_check(b"\x00" + PAYLOAD).decode(): "BTC",
    base58.b58encode_check(b"\x05" + PAYLOAD).decode(): "BTC",
    base58.b58encode_check(b"\x30" + PAYLOAD).decode(): "LTC",
    base58.b58encode_check(b"\x41" + PAYLOAD).decode(): "TRX",
    base58.b58encode_check(b"\x00" + PAYLOAD, base58.XRP_ALPHABET).decode(): "XRP",
    monero(18): "XMR",
    # examples of BIP 173, BIP 350 and EIP-55
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "BTC",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": "BTC",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "ETH",
}


@pytest.mark.parametrize(("address", "coin"), WALLETS.items())
def test_wallets_and_what_one_wrong_character_does(address: str, coin: str) -> None:
    assert read(f"送金先は{address}です", "wallet") == [(address, f"{coin}:{address}")]
    wrong = address[:-2] + next(c for c in "2345679" if c != address[-2]) + address[-1]
    if coin == "ETH":
        wrong = address[:-1] + "D"
    assert coin_of(wrong) == ""


def test_solana_has_no_checksum_and_the_value_says_so() -> None:
    address = base58.b58encode(bytes(range(1, 33))).decode()
    assert read(address, "wallet") == [(address, f"SOL, form only:{address}")]


def test_keccak_of_nothing_and_of_more_than_one_block() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert len({keccak256(bytes(n)) for n in (135, 136, 137, 272)}) == 4


@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
def test_phones(kind: int) -> None:
    number = phonenumbers.example_number_for_type("JP", kind)
    assert number is not None
    forms = phonenumbers.PhoneNumberFormat
    expected = phonenumbers.format_number(number, forms.E164)
    national = phonenumbers.format_number(number, forms.NATIONAL)
    wide = national.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"}).replace("-", "ー")
    for written in (national, wide, national.replace("-", ""), phonenumbers.format_number(number, forms.INTERNATIONAL)):
        assert read(f"電話は{written}です", "phone") == [(written, expected)]
    assert read("注文番号 00000000000 と 123456789012345", "phone") == []


def test_banks_and_places() -> None:
    assert read("ゆうちょか三菱ＵＦＪの口座", "bank") == [("ゆうちょ", "ゆうちょ銀行"), ("三菱ＵＦＪ", "三菱UFJ銀行")]
    assert read("歌舞伎町、東京都、梅田、京都、石川さん", "place") == [
        ("歌舞伎町", "東京都"),
        ("東京都", "東京都"),
        ("梅田", "大阪府"),
        ("京都", "京都府"),
    ]


def test_every_prefecture_is_known_by_its_long_and_its_short_name() -> None:
    table = resources.files("yoake.detect.text").joinpath("places.tsv").read_text(encoding="utf-8").splitlines()
    names = [line.split("\t")[0] for line in table]
    assert len(set(names)) == 47
    for name in names:
        short = name if name == "北海道" else name[:-1]
        assert read(name, "place") == [(name, name)]
        assert read(short, "place") == [(short, name)]


@pytest.mark.parametrize(
    ("text", "value", "without_a_day"),
    [
        ("明日", "2026-11-23", "明日"),
        ("今週末", "2026-11-21/2026-11-22", "今週末"),
        ("来週の土曜", "2026-11-28", "来週の土曜"),
        ("来月", "2026-12", "来月"),
        ("3/15", "2027-03-15", "--03-15"),
        ("３月１５日", "2027-03-15", "--03-15"),
        ("12月1日", "2026-12-01", "--12-01"),
        ("2/29", "2028-02-29", "--02-29"),
        ("令和7年4月1日", "2025-04-01", "2025-04-01"),
        ("令和元年", "2019", "2019"),
        ("R7.4.1", "2025-04-01", "2025-04-01"),
        ("2026年3月", "2026-03", "2026-03"),
        ("2026-03-05", "2026-03-05", "2026-03-05"),
    ],
)
def test_dates(text: str, value: str, without_a_day: str) -> None:
    wide_value = [one for _, one in read(f"では{text}に", "date")]
    assert wide_value == [value]
    assert [one for _, one in read(text, "date", at=None)] == [without_a_day]


@pytest.mark.parametrize("text", ["13/40", "2/30", "24/7", "2026-02-30", "99月99日"])
def test_days_that_no_calendar_has(text: str) -> None:
    assert read(text, "date") == []


PARTS = st.sampled_from(
    [*["LINE", "テレグラム", "ID:@x_1", "日給5", "〜10万円", "090-1", "h", "tt", "p://a", "[.]", "3/15", "R7.", "0x5a", "令和", "9999年", "東京", "が", "㍿", "\u200b", "�", "𝟓", "🦋", "ー"], " "]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(st.characters(), max_size=200), st.lists(PARTS, max_size=30).map("".join)),
    st.one_of(st.none(), st.dates()),
)
def test_places_lie_inside_the_text_whatever_it_is(text: str, at: date | None) -> None:
    found = extract(text, at)
    assert found == extract(text, at)
    for one in found:
        assert 0 <= one.start < one.end <= len(text)
        assert text[one.start : one.end]
        assert one.value
    assert [one.start for one in found] == sorted(one.start for one in found)


@pytest.mark.parametrize(
    "part",
    [
        "a.",
        "http://",
        "@a",
        "090-",
        "5〜",
        "５万",
        "LINE ",
        "(0",
        "a@",
        "rA1b" * 8 + " ",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD ",
    ],
)
def test_a_hostile_post_of_any_length_is_read_in_seconds(part: str) -> None:
    begun = time.perf_counter()
    found = extract(part * (2 * LONGEST // len(part)), POSTED)
    assert time.perf_counter() - begun < 20  # quadratic patterns take minutes here
    assert all(one.end <= LONGEST for one in found)


@pytest.mark.skipif(
    not (SHARED / "iocsearcher_tests").is_dir(), reason="needs the published wallets beside the checkout"
)
def test_published_wallets() -> None:
    kinds = {
        "bitcoin": "BTC",
        "ethereum": "ETH",
        "litecoin": "LTC",
        "monero": "XMR",
        "ripple": "XRP",
        "solana": "SOL, form only",
        "tron": "TRX",
    }
    rows = [
        json.loads(line)
        for line in (SHARED / "iocsearcher_tests" / "valid.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    read_as = Counter((row["type"], coin_of(row["value"])) for row in rows if row["file"].startswith("blockchain"))
    assert {kind: count for (kind, coin), count in read_as.items() if coin and coin == kinds.get(kind)} == {
        "bitcoin": 5, "ethereum": 4, "litecoin": 4, "monero": 4, "ripple": 4, "solana": 4, "tron": 3,
    }  # fmt: skip
    assert not [pair for pair in read_as if pair[1] and pair[0] not in kinds]


@pytest.mark.skipif(
    not (SHARED / "graphsense_addresses").is_dir(), reason="needs the published wallets beside the checkout"
)
def test_published_addresses_are_told_apart() -> None:
    with gzip.open(SHARED / "graphsense_addresses" / "addresses.tsv.gz", "rt") as lines:
        read_as = Counter((line.split()[0], coin_of(line.split()[1])) for line in list(lines)[1:])
    assert read_as == {("BTC", "BTC"): 5000, ("LTC", "LTC"): 5000, ("ZEC", ""): 5000}
