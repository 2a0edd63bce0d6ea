"""Reads the hard facts out of one post: amounts, contacts, addresses, wallets, phones, banks, places, dates.

It is for posts that are shown or judged one by one, not for the stream. Every pattern is linear in the text: bounded
repeats, and a look-behind that keeps a match from starting inside a longer run.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib import resources
from itertools import islice
from typing import Final

import phonenumbers
import pyarrow as pa

from yoake.detect.text.amounts import GRAM, find_amounts, period_of
from yoake.detect.text.fold import fold, fold_text
from yoake.detect.text.wallets import LONGEST as LONGEST_WALLET
from yoake.detect.text.wallets import coin_of

LONGEST: Final = 100_000  # characters that are read; what follows them is not
MOST_WALLETS: Final = 200  # candidates whose checksum is computed, which takes up to two milliseconds each

# Spellings of apps; they are folded before use. Those in _WORDS are also ordinary words: they count only with an id.
_APPS: Final = (
    ("line", "LINE ライン"),
    ("telegram", "Telegram テレグラム テレグラ TG"),
    ("signal", "Signal シグナル"),
    ("wickr", "Wickr ウィッカー"),
    ("session", "Session セッション"),
    ("kakaotalk", "KakaoTalk カカオトーク カカオ"),
    ("wechat", "WeChat ウィーチャット 微信"),
    ("zalo", "Zalo ザロ"),
    ("facebook", "Facebook フェイスブック FB"),
    ("instagram", "Instagram インスタグラム インスタ"),
    ("whatsapp", "WhatsApp ワッツアップ"),
    ("discord", "Discord ディスコード"),
)
_WORDS: Final = {"line", "session", "セッション", "signal", "tg", "fb", "ザロ"}
_INVITES: Final = (
    ("telegram", r"(?:t|telegram)\.me/(?:s/|joinchat/|\+)?([A-Za-z0-9_-]{4,64})"),
    ("line", r"line\.me/(?:R/)?ti/[pg]2?/([~@A-Za-z0-9_.-]{3,64})"),
    ("line", r"lin\.ee/([A-Za-z0-9]{4,32})"),
    ("signal", r"signal\.me/#(?:p|eu)/([A-Za-z0-9_+-]{4,100})"),
    ("kakaotalk", r"open\.kakao\.com/o/([A-Za-z0-9]{4,32})"),
    ("zalo", r"zalo\.me/(?:g/)?([A-Za-z0-9]{4,32})"),
    ("whatsapp", r"wa\.me/([0-9]{6,15})"),
    ("discord", r"discord\.gg/([A-Za-z0-9]{2,32})"),
    ("instagram", r"instagram\.com/([A-Za-z0-9_.]{3,30})"),
    ("facebook", r"facebook\.com/(?:profile\.php\?id=)?([A-Za-z0-9.]{5,50})"),
)
_ENDINGS: Final = "app biz cc cfd click club com example gg icu info io jp link live me net online onion org page ru shop site store tk top tv vip work xyz"
_DOT: Final = r"(?:\.|\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})"
_HANDLE: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{2,39}"

_URL = re.compile(
    r"(?<![A-Za-z0-9])h(?:tt|xx)ps?(?:\[:\]|:)//[!#-;=?-\[\]_a-z{|}~]{1,2000}"
    rf"|(?<![A-Za-z0-9.@_-])(?:{_LABEL}{_DOT}){{1,6}}(?:{'|'.join(_ENDINGS.split())})(?![A-Za-z0-9@-])"
    r"(?:[/?#:][!#-;=?-\[\]_a-z{|}~]{0,2000})?"
    rf"|(?<![A-Za-z0-9.@_-])(?:{_LABEL}\.){{0,4}}{_LABEL}(?:\[\.\]|\(\.\)|\[dot\]|\(dot\))[A-Za-z]{{2,24}}(?![A-Za-z0-9@])"
    r"(?:/[!#-;=?-\[\]_a-z{|}~]{0,2000})?",
    re.IGNORECASE,
)
_BRACKETED_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE)
_MAIL = re.compile(
    rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{{1,64}}@(?:{_LABEL}\.){{1,6}}[A-Za-z]{{2,24}}(?![A-Za-z0-9])"
)
_INVITE = [(app, re.compile(r"(?<![A-Za-z0-9-])" + form, re.IGNORECASE)) for app, form in _INVITES]
# After the name of an app: a word for "id" and a sign, at least one of them, or an @; then the id.
_ID_AFTER = re.compile(
    rf"[ \n]{{0,3}}(?:(?:の|公式)?(?:ID|アカウント|アカ|垢|ユーザー名|番号)[ ]{{0,3}}(?:は|が)?[ ]{{0,3}}[:=→⇒>\-➡👉]{{0,3}}[ \n]{{0,3}}@?|[ ]{{0,3}}(?:は|[:=→⇒>➡👉]{{1,3}})[ \n]{{0,3}}@?|@|(?<=[ \n])(?=[A-Za-z_.-]{{0,39}}[0-9_]))({_HANDLE})",
    re.IGNORECASE,
)
_ID = re.compile(rf"(?<![A-Za-z0-9])ID[ ]{{0,3}}(?:は[ ]?|[:=→⇒>➡👉]{{1,3}})[ ]{{0,3}}@?({_HANDLE})", re.IGNORECASE)
_AT = re.compile(rf"(?<![A-Za-z0-9._%+@/-])@({_HANDLE})")
_SESSION = re.compile(r"(?<![0-9A-Za-z])05[0-9a-f]{64}(?![0-9A-Za-z])", re.IGNORECASE)
_WALLET = re.compile(
    rf"(?<![0-9A-Za-z])(?:0x[0-9a-fA-F]{{40}}|(?:bc1|ltc1|BC1|LTC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{{8,84}}|[1-9A-HJ-NP-Za-km-z]{{25,{LONGEST_WALLET}}})(?![0-9A-Za-z])"
)
_BETWEEN: Final = r"[-().・ー‐‑–—− ]{0,2}"
_PHONE = re.compile(rf"(?<![0-9A-Za-z+])(?:\+81|\(?0)(?:{_BETWEEN}[0-9]){{8,11}}(?![0-9A-Za-z])")
_RANGE_START = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)([~〜〜ー‐–—-])$")
_RANGE_SIGN = re.compile(r" ?(?:[~〜ー‐–—-]|から) ?")
_AROUND: Final = 16  # folded characters around an amount in which a period is looked for
_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")

_WEEKDAYS: Final = "月火水木金土日"
_NEAR_DAYS: Final = {
    "一昨日": -2, "おととい": -2, "昨日": -1, "昨夜": -1, "昨晩": -1, "今日": 0, "本日": 0, "今夜": 0, "今晩": 0,
    "明日": 1, "あした": 1, "明晩": 1, "明後日": 2, "あさって": 2, "明々後日": 3, "しあさって": 3,
}  # fmt: skip
_ERAS: Final = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}
_DATE = re.compile(
    r"(?P<near>" + "|".join(sorted(_NEAR_DAYS, key=len, reverse=True)) + ")"
    r"|(?P<weekend>(?:今|来|再来)週末|(?<!今)(?<!来)週末)"
    rf"|(?P<week>今週|来週|再来週)(?:の?(?P<weekday>[{_WEEKDAYS}])曜)?"
    r"|(?P<month_word>今月|来月|再来月)(?!末)"
    r"|(?P<era>令和|平成|昭和)(?P<era_year>元|[0-9]{1,2})年(?:(?P<era_month>[0-9]{1,2})月(?:(?P<era_day>[0-9]{1,2})日)?)?"
    r"|(?<![0-9A-Za-z])(?P<short_era>[RHS])(?P<short_year>[0-9]{1,2})[./](?P<short_month>[0-9]{1,2})[./](?P<short_day>[0-9]{1,2})(?![0-9])"
    r"|(?<![0-9./-])(?P<year>(?:19|20)[0-9]{2})(?:年(?P<y_month>[0-9]{1,2})月(?:(?P<y_day>[0-9]{1,2})日)?|(?P<sign>[-/.])(?P<s_month>[0-9]{1,2})(?P=sign)(?P<s_day>[0-9]{1,2})(?![0-9]))"
    r"|(?<![0-9年])(?P<month>[0-9]{1,2})月(?P<day>[0-9]{1,2})日"
    r"|(?<![0-9./-])(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})(?![0-9./万千円%kgK-])"
)
_PERSON: Final = r"(?!さん|様|氏|容疑者|被告|くん|君|ちゃん|先生)"  # 石川さん is nobody's prefecture

# What stands inside one of these is part of it and not told again.
_HOLDS: Final = frozenset({"url", "contact", "wallet", "phone"})
_HELD: Final = frozenset({"app", "date", "money", "grams", "phone"})


@dataclass(frozen=True, slots=True, order=True)
class Extracted:
    """One thing that a post says."""

    start: int  # code point of the original text
    end: int  # one past the last; > start
    kind: str  # see extract()
    value: str  # in one spelling, whatever the post wrote


def extract(text: str, at: date | None = None) -> list[Extracted]:
    """What can be read from a post, by place; kinds may overlap (a t.me address is both a url and a contact).

    Args:
        text: the post as it was written; its first LONGEST characters are read. Anything goes in, nothing raises.
        at: the day it was posted (Asia/Tokyo), for words such as 明日 and for days without a year.

    Returns:
        Spans in code points of `text`. Kinds and their values:
            money    "50000 JPY", "50000-100000 JPY/day"; per hour, day, week, month or job
            grams    "0.5"
            app      an app's name: line, telegram, signal, wickr, session, kakaotalk, wechat, zalo, facebook,
                     instagram, whatsapp, discord
            contact  "telegram:name" and so for every app; "id:name" and "@name" when no app is named; "mail:address"
            url      the address, no longer defanged (hxxp, [.]); as it stands otherwise
            wallet   "BTC:...", LTC, TRX, XRP, XMR, ETH with a checksum that holds (ETH in one letter case has none);
                     "SOL, form only:..." where nothing but the form could be checked
            phone    a number that exists in Japan's numbering plan, "+819012345678"
            bank     its full name; cooperatives by their sort (信用金庫)
            place    the prefecture: 東京都
            date     ISO 8601: "2025-03-15", "2025-03", "2025", first/last day of a week or weekend.
                     Without `at`: "--03-15" for a day without a year, and a word such as 明日 as it stands
    """
    text = text[:LONGEST]
    if not text.isascii():  # half a surrogate pair is no character: Arrow refuses it
        text = re.sub("[\ud800-\udfff]", "�", text)
    plain, places = _plain(text)
    found = {
        Extracted(places[start], places[end - 1] + 1, kind, value)
        for kind, start, end, value in (
            *_urls(plain),
            *_wallets(plain),
            *_phones(plain),
            *_names(plain),
            *_dates(plain, at),
        )
    }
    found |= set(_folded_things(text, plain, places))
    return _settled(found)


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in narrow forms without characters that nobody sees, and where each character stood."""
    kept, places = [], []
    for place, char in enumerate(text):
        narrow = char if char.isascii() else _narrow(char)
        if narrow:
            kept.append(narrow)
            places.append(place)
    return "".join(kept), places


@lru_cache(maxsize=4096)
def _narrow(char: str) -> str:
    if unicodedata.category(char) in ("Cf", "Mn"):
        return "" if char not in "\u3099\u309a" else char
    narrow = unicodedata.normalize("NFKC", char)
    return narrow if len(narrow) == 1 else char


_Found = tuple[str, int, int, str]


def _urls(plain: str) -> Iterator[_Found]:
    for match in _URL.finditer(plain):
        written = match[0].rstrip(".,!?;:'\"*)]}")
        if written.endswith("//"):
            continue
        address = _BRACKETED_DOT.sub(".", written).replace("[:]", ":")
        address = re.sub("^hxxp", "http", address, flags=re.IGNORECASE)
        yield "url", match.start(), match.start() + len(written), address
        for app, form in _INVITE:
            invite = form.search(address)
            if invite:
                yield "contact", match.start(), match.start() + len(written), f"{app}:{invite[1].rstrip('.-')}"
                break
    for match in _MAIL.finditer(plain):
        yield "contact", match.start(), match.end(), f"mail:{match[0]}"


def _wallets(plain: str) -> Iterator[_Found]:
    for match in islice(_WALLET.finditer(plain), MOST_WALLETS):
        coin = coin_of(match[0])
        if coin:
            yield "wallet", match.start(), match.end(), f"{coin}:{match[0]}"
    for match in _SESSION.finditer(plain):
        yield "contact", match.start(), match.end(), f"session:{match[0].lower()}"


def _phones(plain: str) -> Iterator[_Found]:
    for match in _PHONE.finditer(plain):
        digits = "".join(char for char in match[0] if char in "+0123456789")
        try:
            number = phonenumbers.parse(digits, "JP")
        except phonenumbers.NumberParseException:  # not a number at all: nothing to tell
            continue
        if phonenumbers.is_valid_number_for_region(number, "JP"):
            value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            yield "phone", match.start(), match.end(), value


def _names(plain: str) -> Iterator[_Found]:
    for kind, (pattern, names) in (("bank", _table("banks.tsv", "")), ("place", _table("places.tsv", _PERSON))):
        for match in pattern.finditer(plain):
            yield kind, match.start(), match.end(), names[match[0].lower()]


def prefectures() -> list[str]:
    """The prefectures by name, in the usual order from north to south: the values of a place."""
    return list(dict.fromkeys(_table("places.tsv", _PERSON)[1].values()))


@cache
def _table(file: str, guard: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """A data table of `name TAB other names`: what finds them, longest first, and the name each stands for."""
    names: dict[str, str] = {}
    for line in resources.files("yoake.detect.text").joinpath(file).read_text(encoding="utf-8").splitlines():
        name, _tab, others = line.partition("\t")
        names |= {spelling.lower(): name for spelling in (name, *others.split())}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?:{longest_first}){guard}", re.IGNORECASE), names


def _dates(plain: str, at: date | None) -> Iterator[_Found]:
    for match in _DATE.finditer(plain):
        value = _iso(match, at)
        if value:
            yield "date", match.start(), match.end(), value


def _iso(match: re.Match[str], at: date | None) -> str:
    """The date in ISO 8601, the word itself when it needs a day to count from, "" when there is no such day."""
    said = {name: part for name, part in match.groupdict().items() if part is not None}
    if "month" in said or "m" in said:
        return _day_without_year(int(said.get("month", said.get("m", ""))), int(said.get("day", said.get("d", ""))), at)
    era = said.get("era") or said.get("short_era")
    if era:
        in_era = said.get("era_year") or said["short_year"]
        year = _ERAS[era] + (1 if in_era == "元" else int(in_era))
        return _calendar(
            year, said.get("era_month") or said.get("short_month"), said.get("era_day") or said.get("short_day")
        )
    if "year" in said:
        return _calendar(
            int(said["year"]), said.get("y_month") or said["s_month"], said.get("y_day") or said.get("s_day")
        )
    if at is None:
        return match[0]
    try:
        return _counted(said, at)
    except OverflowError:  # beyond the last day that a calendar has
        return match[0]


def _counted(said: dict[str, str], at: date) -> str:
    """A word such as 明日 or 来週の土曜, counted from a day."""
    if "near" in said:
        return (at + timedelta(days=_NEAR_DAYS[said["near"]])).isoformat()
    word = said.get("weekend") or said.get("week") or said["month_word"]
    ahead = 2 if word.startswith("再来") else 1 if word.startswith("来") else 0
    if "month_word" in said:
        months = at.year * 12 + at.month - 1 + ahead
        return f"{months // 12:04d}-{months % 12 + 1:02d}"
    monday = at + timedelta(days=7 * ahead - at.weekday())
    if "weekend" in said:
        return f"{(monday + timedelta(days=5)).isoformat()}/{(monday + timedelta(days=6)).isoformat()}"
    if "weekday" in said:
        return (monday + timedelta(days=_WEEKDAYS.index(said["weekday"]))).isoformat()
    return f"{monday.isoformat()}/{(monday + timedelta(days=6)).isoformat()}"


def _calendar(year: int, month: str | None, day: str | None) -> str:
    try:
        first = date(year, int(month or 1), int(day or 1))
    except ValueError:  # no such day
        return ""
    return first.isoformat()[: 10 if day else 7 if month else 4]


def _day_without_year(month: int, day: int, at: date | None) -> str:
    """The nearest such day to `at`; the 29th of February may be years away."""
    days = []
    # 2000 was a leap year: it knows every day there is
    for year in range(max(at.year - 4, 1), min(at.year + 5, 10_000)) if at else (2000,):
        try:
            days.append(date(year, month, day))
        except ValueError:  # no such day in this year
            continue
    if not days:
        return ""
    if at is None:
        return f"--{month:02d}-{day:02d}"
    return min(days, key=lambda one: abs(one - at)).isoformat()


def _folded_things(text: str, plain: str, places: list[int]) -> Iterator[Extracted]:
    """Amounts and apps, which people disguise, are looked for in the folded text."""
    folded = fold(pa.array([text], pa.string()))
    told = folded.text(0)

    def span(kind: str, start: int, end: int, value: str) -> Extracted:
        return Extracted(int(folded.starts[start]), int(folded.ends[end - 1]), kind, value)

    amounts = find_amounts(folded)
    yield from (
        span("grams", int(start), int(end), f"{value:g}")
        for start, end, unit, value in zip(amounts.starts, amounts.ends, amounts.units, amounts.values, strict=True)
        if unit == GRAM
    )
    yield from (span("money", *one) for one in _money(told, [
        (int(start), int(end), float(value))
        for start, end, unit, value in zip(amounts.starts, amounts.ends, amounts.units, amounts.values, strict=True)
        if unit != GRAM
    ]))  # fmt: skip

    pattern, apps = _apps()
    owned: set[int] = set()  # places of ids that belong to an app
    for match in pattern.finditer(told):
        app, ordinary = apps[match[0]]
        mention = span("app", match.start(), match.end(), app)
        follows = _ID_AFTER.match(plain, bisect_left(places, mention.end))
        if follows:
            name = follows[1].rstrip(".-")
            start = places[follows.start(1)]
            owned.add(start)
            yield Extracted(start, places[follows.start(1) + len(name) - 1] + 1, "contact", f"{app}:{name}")
        # LINE is the app, "a line" is not.
        written = text[mention.start : mention.end]
        if follows or not ordinary or written != written.lower():
            yield mention
    for form, prefix in ((_ID, "id:"), (_AT, "@")):
        for match in form.finditer(plain):
            name, start = match[1].rstrip(".-"), match.start(1)
            if places[start] not in owned and len(name) >= 3:
                owned.add(places[start])
                yield Extracted(places[start], places[start + len(name) - 1] + 1, "contact", prefix + name)


@cache
def _apps() -> tuple[re.Pattern[str], dict[str, tuple[str, bool]]]:
    """What finds the folded names of apps; for each the app, and whether it is also an ordinary word."""
    apps = {fold_text(name): (app, name.lower() in _WORDS) for app, names in _APPS for name in names.split()}
    longest_first = sorted(apps, key=len, reverse=True)
    latin = "|".join(re.escape(name) for name in longest_first if name.isascii())
    others = "|".join(re.escape(name) for name in longest_first if not name.isascii())
    # ガイドライン and ラインナップ are other words
    return re.compile(
        rf"(?<![a-z0-9])(?:{latin})(?![a-z0-9])|(?<![ぁ-ゖー])(?:{others})(?!なっぷ|あっぷ|すとーん|む)"
    ), apps


def _money(told: str, amounts: list[tuple[int, int, float]]) -> Iterator[tuple[int, int, str]]:
    """Amounts with what they are paid for; 5〜10万 and 5万〜10万 are one."""
    at = told_to = 0
    while at < len(amounts):
        start, end, low = amounts[at]
        high = low
        before = _RANGE_START.search(told, max(start - 12, 0), start)
        if before and (before.start() == 0 or told[before.start() - 1] not in "0123456789.,/-"):
            number = _NUMBER.match(told, start)
            if number:
                scale = low / max(float(number[0].replace(",", "")), 1e-9)
                start, low = before.start(), float(before[1]) * scale
        elif at + 1 < len(amounts) and _RANGE_SIGN.fullmatch(told, end, amounts[at + 1][0]):
            at += 1
            _start, end, high = amounts[at]
        at += 1
        # The word for the period stands between the amount before and the one after.
        following = amounts[at][0] if at < len(amounts) else len(told)
        shift = max(told_to, start - _AROUND)
        period, first, last = period_of(told[shift : min(following, end + _AROUND)], start - shift, end - shift)
        told_to = end
        value = f"{_yen(low)} JPY" if low == high else f"{_yen(low)}-{_yen(high)} JPY"
        yield first + shift, last + shift, value if period == "none" else f"{value}/{period}"


def _yen(value: float) -> str:
    return str(round(value))


def _settled(found: set[Extracted]) -> list[Extracted]:
    """By place, without what is only a part of an address, a name or a number."""
    kept: list[Extracted] = []
    covered_from = covered_to = -1  # the widest holder so far
    for one in sorted(found, key=lambda one: (one.start, -one.end, one.kind not in _HOLDS, one.kind, one.value)):
        inside = covered_from <= one.start and one.end <= covered_to
        nameless = one.kind == "contact" and one.value.startswith(("@", "id:"))
        if inside and (one.kind in _HELD or nameless):
            continue
        kept.append(one)
        if one.kind in _HOLDS and one.end > covered_to:
            covered_from, covered_to = one.start, one.end
    return kept
