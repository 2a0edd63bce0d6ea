"""What a report says, in Japanese or English as the recipient is written to; not as the reader of the console reads.

Every sentence is hedged: a person found that a post may fall under something; nobody is called guilty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from yoake.casework.report.recipient import HOSTED_ABROAD, HOTLINE_CLASS, JOB_AD, SIGN, Reason

_CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "illegal": ("違法情報", "illegal information"),
    "serious_crime_related": ("重要犯罪密接関連情報", "information closely related to serious crimes"),
    "suicide_inducing": ("自殺誘引等情報", "suicide-inducing information"),
    "harmful": ("有害情報", "harmful information"),
}
_NETWORKS: Final[Mapping[str, str]] = {
    "bluesky": "Bluesky",
    "fediverse": "Fediverse (Mastodon, Misskey)",
    "nostr": "Nostr",
    "threads": "Threads",
    "x": "X",
}
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "text": ("投稿", "the post"),
    "profile": ("プロフィール", "the profile"),
    "parent_text": ("返信先の投稿", "the post it replies to"),
}
_LETTER: Final[Mapping[str, str]] = {
    "ja": """{recipient} 御中

下記の投稿は「{category}」に当たるおそれがあると当方の担当者が判断しましたので、お知らせします。

{facts}

{evidence}

{organisation}
{telephone}担当（職員番号）：{by}
通報番号：{number}
""",
    "en": """To {recipient}

A person of this office found that the post below may fall under “{category}”, and reports it to you.

{facts}

{evidence}

{organisation}
{telephone}In charge (staff number): {by}
Report number: {number}
""",
}
_ROWS: Final[Mapping[str, tuple[str, str]]] = {
    "url": ("投稿のURL", "Address of the post"),
    "network": ("サービス", "Service"),
    "hotline_class": ("区分", "Class"),
    "posted_at": ("投稿日時", "Posted"),
    "seen_at": ("確認日時", "Seen"),
    "legal_basis": ("根拠法令", "Legal basis"),
    "reason": ("判断の理由", "Reason"),
    "why": ("貴機関へお知らせする理由", "Why we write to you"),
}
_TELEPHONE: Final = ("電話：", "Telephone: ")
_SUBJECT: Final = (
    "【通報 {number}】「{category}」に当たるおそれのある投稿について",
    "[Report {number}] A post that may fall under “{category}”",
)
_KEPT: Final = (
    "証拠を保全しています（証拠番号 {number}、目録のSHA-256 {digest}）。",
    "Evidence is preserved (number {number}, SHA-256 of its manifest {digest}). ",
)
_ENCLOSED: Final = (
    "貴機関の公開鍵で暗号化したものを同封しています。",
    "It is enclosed, encrypted to your public key.",
)
_NOT_ATTACHED: Final = (
    "本メールには添付していません。ご要望に応じて別途お渡しします。",
    "It is not attached to this mail; we hand it over on request.",
)
_ON_REQUEST: Final = ("ご要望に応じて別途お渡しします。", "We hand it over on request.")
_SEALING: Final = (
    "証拠は保全手続中です。ご要望に応じて別途お渡しします。",
    "Evidence is being preserved; we hand it over on request.",
)
_NO_EVIDENCE: Final = ("証拠は保全していません。", "No evidence is preserved here.")
_URGENT: Final = ("【至急】", "[URGENT] ")


def class_name(name: str, language: str) -> str:
    """What a hotline class is called; "" for none."""
    return _CLASSES[name][_at(language)] if name in _CLASSES else ""


def network_name(network: str) -> str:
    """What a network is called in both languages; "" where only the address is known."""
    return _NETWORKS.get(network, "")


def reasons(rows: Sequence[Reason], language: str) -> list[str]:
    """Why a report goes to its body, a sentence each, without the words of the post; nothing where a person just chose."""
    said: dict[str, None] = {}
    for one in rows:
        ja, en = "", ""
        if one.code == SIGN and one.field in _FIELDS:
            field = _FIELDS[one.field]
            ja = f"{field[0]}に{one.prefecture}を示す記載があるため"
            en = f"{field[1].capitalize()} names {one.prefecture}."
        elif one.code == JOB_AD:
            ja, en = "求人に当たるおそれがあるため", "It appears to be a job ad."
        elif one.code == HOTLINE_CLASS:
            ja = f"{class_name(one.about, 'ja')}に当たるおそれがあるため"
            en = f"It appears to be {class_name(one.about, 'en')}."
        elif one.code == HOSTED_ABROAD:
            ja, en = f"事業者が国外（{one.about}）にあるため", f"The provider sits abroad ({one.about})."
        if ja:
            said[ja if language == "ja" else en] = None
    return list(said)


def letter(facts: Mapping[str, object], language: str) -> str:
    """The report in words, from the facts of its cover sheet (see package.facts_of)."""
    at = _at(language)
    rows = []
    for name, label in _ROWS.items():
        value = facts[name]
        told = ("、" if language == "ja" else "; ").join(value) if isinstance(value, list) else str(value)
        if told:
            rows.append(f"{label[at]}{'：' if language == 'ja' else ': '}{told}")
    telephone = str(facts["telephone"])
    given = {
        **{name: str(facts[name]) for name in ("recipient", "category", "organisation", "by", "number", "evidence")},
        "facts": "\n".join(rows),
        "telephone": f"{_TELEPHONE[at]}{telephone}\n" if telephone else "",
    }
    return _LETTER[language].format(**given)


def subject(number: str, category: str, language: str, *, urgent: bool) -> str:
    """The subject of a mail."""
    at = _at(language)
    return (_URGENT[at] if urgent else "") + _SUBJECT[at].format(number=number, category=category)


def evidence(number: str, digest: str, language: str, *, attached: bool, mail: bool, being_sealed: bool) -> str:
    """What is said of the evidence: it is enclosed, handed over on request, being sealed, or there is none."""
    at = _at(language)
    if not digest:
        return _SEALING[at] if being_sealed else _NO_EVIDENCE[at]
    rest = _ENCLOSED if attached else _NOT_ATTACHED if mail else _ON_REQUEST
    return _KEPT[at].format(number=number, digest=digest) + rest[at]


def _at(language: str) -> int:
    return 1 if language == "en" else 0
