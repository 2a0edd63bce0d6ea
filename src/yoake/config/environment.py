"""Every setting Yoake takes from the environment, read and checked here and nowhere else.

A secret may stand in a file instead: `YOAKE_X_FILE` names the file that holds `YOAKE_X`. A wrong value names the
variable and the value. docs/reference/settings.md lists them all; a test keeps that page complete.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from yoake.collect.keys import VARIABLE
from yoake.errors import BadInput, Refused

DEFAULT_SOURCES = "practice bluesky_jetstream"
# How many months a decided post is kept: in scope by its hotline class, else by its judgement; minor: at most, where its
# author seems to be under 18. What is out of scope, or a duplicate alone, goes after 72 hours.
KEEP_MONTHS: Mapping[str, int] = {
    "illegal": 12,
    "serious_crime_related": 12,
    "suicide_inducing": 6,
    "harmful": 6,
    "at_risk": 3,
    "record_only": 12,
    "cannot_tell": 1,
    "not_in_scope": 1,
    "duplicate": 1,
    "minor": 3,
}
LONGEST_ANSWER_S = 120  # two tries fit into the five minutes for which the worker claims a row


@dataclass(frozen=True)
class Environment:
    """What the environment says."""

    data: Path  # YOAKE_DATA: everything Yoake writes
    key_file: Path  # YOAKE_KEY_FILE: secret key, made at first start, readable by its owner only
    database_url: str  # YOAKE_DATABASE_URL: "" = SQLite under data/db
    bind: str  # YOAKE_BIND: address the web process listens on
    port: int  # YOAKE_PORT
    web_processes: int  # YOAKE_WEB_PROCESSES: how many processes serve the pages
    allowed_hosts: tuple[str, ...]  # YOAKE_ALLOWED_HOSTS: names under which the pages may be opened
    tls_cert: Path | None  # YOAKE_TLS_CERT
    tls_key: Path | None  # YOAKE_TLS_KEY
    proxy: str  # YOAKE_PROXY: address of the reverse proxy that ends TLS in front of us
    sources: str  # YOAKE_SOURCES: seeds an empty database; rows rule afterwards
    engine: str  # YOAKE_ENGINE: name on the shelf pipeline/engines
    contact: str  # YOAKE_CONTACT: who to write to, sent in the User-Agent
    allow_private: bool  # YOAKE_ALLOW_PRIVATE_NETWORKS: connectors may reach addresses that are not public
    language: str  # YOAKE_LANGUAGE: language of pages when the browser does not say
    clocks: Mapping[str, tuple[int, str]]  # YOAKE_CLOCKS: by when a case should be decided, by class; units m, h, bd
    keep_months: Mapping[str, int]  # YOAKE_KEEP_MONTHS: how long what was decided is kept, by class or judgement
    sensitive_per_day: int  # YOAKE_SENSITIVE_PER_DAY: burdensome cases a person reads a day, at most
    sensitive_minutes: int  # YOAKE_SENSITIVE_MINUTES: and for so long
    sensitive_in_a_row: int  # YOAKE_SENSITIVE_IN_A_ROW: after so many another category comes first
    break_minutes: int  # YOAKE_BREAK_MINUTES: after so much work a break is proposed; 0: never
    staff_help: str  # YOAKE_STAFF_HELP: whom staff can talk to, an address or a telephone number
    sample_per_day: int  # YOAKE_SAMPLE_PER_DAY: posts that were not queued, drawn by lot for blind review
    review_share: float  # YOAKE_REVIEW_SHARE: share of decisions (0 to 1) that the lot puts before a second person
    gold_share: float  # YOAKE_GOLD_SHARE: how many cases with a known answer a person gets for each decision
    warn_author_days: int  # YOAKE_WARN_AUTHOR_DAYS: whoever was warned is not warned again for so long
    checks_per_host: int  # YOAKE_CHECKS_PER_HOST: how many posts of one host are asked about a day
    context: bool  # YOAKE_CONTEXT: thread, profile and recent posts are fetched when a case is opened
    host_limits: Mapping[str, float]  # YOAKE_HOST_LIMITS: requests a second by host; *: all others; 0: no limit
    secrets: Mapping[str, str] = field(repr=False)  # YOAKE_SECRET_<NAME>, by name in small letters
    evidence_pictures: bool  # YOAKE_EVIDENCE_PICTURES: pictures are kept as evidence, where they may be
    tsa_url: str  # YOAKE_TSA_URL: time-stamp authority (RFC 3161) that stamps what is sealed; "": none
    tsa_roots: Path | None  # YOAKE_TSA_ROOTS: certificates (PEM) that its stamps must lead to
    # Signing in through the organisation's own identity provider (OpenID Connect): off unless set.
    oidc_issuer: str  # YOAKE_OIDC_ISSUER: where /.well-known/openid-configuration stands
    oidc_client_id: str  # YOAKE_OIDC_CLIENT_ID
    oidc_client_secret: str = field(repr=False)  # YOAKE_OIDC_CLIENT_SECRET
    oidc_name: str  # YOAKE_OIDC_NAME: what the button says
    oidc_organisation: str  # YOAKE_OIDC_ORGANISATION: for whose people alone it speaks; "": for everybody's
    # Second looks: off unless set.
    encoder: Path | None  # YOAKE_ENCODER: folder of an encoder model
    judge_url: str  # YOAKE_JUDGE_URL: an OpenAI-compatible endpoint, up to and with /v1
    judge_model: str  # YOAKE_JUDGE_MODEL
    judge_key: str = field(repr=False)  # what YOAKE_JUDGE_KEY_FILE holds
    judge_external: bool  # YOAKE_JUDGE_EXTERNAL: posts may be sent to an endpoint outside this network
    judge_calls_per_day: int  # YOAKE_JUDGE_CALLS_PER_DAY
    judge_tokens_per_day: int  # YOAKE_JUDGE_TOKENS_PER_DAY
    judge_timeout_s: int  # YOAKE_JUDGE_TIMEOUT_S
    pictures: bool  # YOAKE_PICTURES: text inside the pictures of queued posts is read
    pictures_weak_per_day: int  # YOAKE_PICTURES_WEAK_PER_DAY: also of so many short posts with one weak cue
    public_url: str  # YOAKE_PUBLIC_URL: where people who got a letter reach the public pages; "": there are none

    @property
    def second_looks(self) -> tuple[str, ...]:
        """Names on the shelf of detectors that look again at what is stored."""
        switched = {"encoder": self.encoder, "llm_judge": self.judge_url, "pictures": self.pictures}
        return tuple(name for name, on in switched.items() if on)

    @property
    def public_host(self) -> str:
        """The host of the public pages, "" while there are none."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def loopback_only(self) -> bool:
        """Whether only this machine can reach the pages; a proxy passes others on."""
        return is_loopback(self.bind) and not self.proxy

    def check_exposure(self) -> None:
        """Raises Refused when pages would travel beyond this machine without TLS or a named proxy."""
        if bool(self.tls_cert) != bool(self.tls_key):
            lacking = "YOAKE_TLS_KEY" if self.tls_cert else "YOAKE_TLS_CERT"
            raise BadInput(lacking, "", "set both certificate and key, or neither")
        if not self.loopback_only and not self.tls_cert and not self.proxy:
            raise Refused(
                f"YOAKE_BIND is {self.bind}, which other machines can reach, but nothing encrypts the way: set "
                "YOAKE_TLS_CERT and YOAKE_TLS_KEY, or name the reverse proxy that ends TLS in YOAKE_PROXY, "
                "or bind to 127.0.0.1"
            )


def read(environ: Mapping[str, str] | None = None) -> Environment:
    """The environment, checked. Raises BadInput naming variable and value."""
    given = dict(os.environ if environ is None else environ)
    data = Path(given.get("YOAKE_DATA") or "var").expanduser().resolve()
    return Environment(
        data=data,
        key_file=Path(given.get("YOAKE_KEY_FILE") or data / "key" / "yoake.key").expanduser(),
        database_url=_database_url(_secret(given, "YOAKE_DATABASE_URL")),
        bind=_address(given, "YOAKE_BIND") or "127.0.0.1",
        port=_port(given.get("YOAKE_PORT") or "8000"),
        web_processes=_number(given, "YOAKE_WEB_PROCESSES", min(2, os.cpu_count() or 1), 1, 16),
        allowed_hosts=tuple(_words(given.get("YOAKE_ALLOWED_HOSTS", ""))) or ("localhost", "127.0.0.1", "[::1]"),
        tls_cert=_file(given, "YOAKE_TLS_CERT"),
        tls_key=_file(given, "YOAKE_TLS_KEY"),
        proxy=_address(given, "YOAKE_PROXY"),
        sources=given.get("YOAKE_SOURCES", DEFAULT_SOURCES),
        engine=given.get("YOAKE_ENGINE") or "inline",
        contact=_contact(given.get("YOAKE_CONTACT", "")),
        allow_private=_yes(given, "YOAKE_ALLOW_PRIVATE_NETWORKS"),
        language=_one_of(given, "YOAKE_LANGUAGE", ("ja", "en")),
        clocks=_clocks(given.get("YOAKE_CLOCKS", "")),
        keep_months=_keep_months(given.get("YOAKE_KEEP_MONTHS", "")),
        sensitive_per_day=_number(given, "YOAKE_SENSITIVE_PER_DAY", 60, 0, 10_000),
        sensitive_minutes=_number(given, "YOAKE_SENSITIVE_MINUTES", 120, 0, 1440),
        sensitive_in_a_row=_number(given, "YOAKE_SENSITIVE_IN_A_ROW", 5, 1, 1000),
        break_minutes=_number(given, "YOAKE_BREAK_MINUTES", 50, 0, 1440),
        staff_help=given.get("YOAKE_STAFF_HELP", "").strip()[:200],
        sample_per_day=_number(given, "YOAKE_SAMPLE_PER_DAY", 0, 0, 1000),
        review_share=_per_cent(given, "YOAKE_REVIEW_SHARE", "2", 100),
        gold_share=_per_cent(given, "YOAKE_GOLD_SHARE", "1", 20),
        warn_author_days=_number(given, "YOAKE_WARN_AUTHOR_DAYS", 30, 1, 3650),
        checks_per_host=_number(given, "YOAKE_CHECKS_PER_HOST", 5000, 0, 10**6),
        context=_yes({"YOAKE_CONTEXT": given.get("YOAKE_CONTEXT") or "yes"}, "YOAKE_CONTEXT"),
        host_limits=_host_limits(given.get("YOAKE_HOST_LIMITS", "")),
        secrets={
            name.removeprefix(VARIABLE).lower(): value for name, value in given.items() if name.startswith(VARIABLE)
        },
        evidence_pictures=_yes(
            {"YOAKE_EVIDENCE_PICTURES": given.get("YOAKE_EVIDENCE_PICTURES") or "yes"}, "YOAKE_EVIDENCE_PICTURES"
        ),
        tsa_url=_stamps(given),
        tsa_roots=_file(given, "YOAKE_TSA_ROOTS"),
        **_oidc(given),
        encoder=_folder(given, "YOAKE_ENCODER"),
        judge_url=_endpoint(given),
        judge_model=given.get("YOAKE_JUDGE_MODEL", "").strip(),
        judge_key=_judge_key(given),
        judge_external=_yes(given, "YOAKE_JUDGE_EXTERNAL"),
        judge_calls_per_day=_number(given, "YOAKE_JUDGE_CALLS_PER_DAY", 500, 0, 10**7),
        judge_tokens_per_day=_number(given, "YOAKE_JUDGE_TOKENS_PER_DAY", 1_000_000, 0, 10**11),
        judge_timeout_s=_number(given, "YOAKE_JUDGE_TIMEOUT_S", 60, 1, LONGEST_ANSWER_S),
        pictures=_yes(given, "YOAKE_PICTURES"),
        pictures_weak_per_day=_number(given, "YOAKE_PICTURES_WEAK_PER_DAY", 0, 0, 10**6),
        public_url=_public(given),
    )


def is_loopback(bind: str) -> bool:
    """Whether `bind` is an address that only this machine reaches."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return False


def plain_address(address: str) -> str:
    """An IP address as it is compared: an IPv4 address wrapped in IPv6 (a listener on ::) without its wrapping."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def secret_key(key_file: Path) -> str:
    """The deployment's secret (64 hex digits), from its file; made with owner-only rights at first start."""
    try:
        if not key_file.exists():
            _make_key(key_file)
        key = key_file.read_text().strip()
    except OSError as error:
        raise Refused(
            f"the key file {key_file} cannot be made or read ({error.strerror}): give this account the right to, "
            "or choose another place with YOAKE_DATA or YOAKE_KEY_FILE"
        ) from None
    if len(key) < 64:
        raise BadInput(
            "YOAKE_KEY_FILE", str(key_file), "a file with at least 64 hex digits; restore it from your backup"
        )
    return key


def _make_key(key_file: Path) -> None:
    for folder in (key_file.parent.parent, key_file.parent):  # with `parents` alone only the last is private
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with os.fdopen(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass  # another process of the group made it in the same moment


def derived(key: str, purpose: str) -> str:
    """A key for one purpose, so that no two parts of Yoake share one."""
    return sha256(f"{purpose}\0{key}".encode()).hexdigest()


def _secret(given: Mapping[str, str], name: str) -> str:
    return _secret_in(given, f"{name}_FILE") if given.get(f"{name}_FILE") else given.get(name, "")


def _secret_in(given: Mapping[str, str], name: str) -> str:
    """What the file that a variable names holds; "" when it names none."""
    if not (file := given.get(name)):
        return ""
    try:
        secret = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise BadInput(name, file, f"a readable file ({reason})") from None
    return secret


def _judge_key(given: Mapping[str, str]) -> str:
    """The key of the endpoint; it travels in a header, where only ASCII does."""
    key = _secret_in(given, "YOAKE_JUDGE_KEY_FILE")
    if re.search(r"[^!-~]", key):
        raise BadInput("YOAKE_JUDGE_KEY_FILE", given["YOAKE_JUDGE_KEY_FILE"], "a file with one key in ASCII, alone")
    return key


def _endpoint(given: Mapping[str, str]) -> str:
    """The address of a language model's endpoint; a key in it would stand in logs and is refused."""
    value = given.get("YOAKE_JUDGE_URL", "").strip().rstrip("/")
    if not value:
        return ""
    accepted = "an address such as http://localhost:8080/v1, without user name, password, ? and #"
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or re.search(r"[^!-~]|[@?#]", value):
        shown = "(not shown: it may hold a password)" if re.search("[@?#]", value) else value
        raise BadInput("YOAKE_JUDGE_URL", shown, accepted)
    if not given.get("YOAKE_JUDGE_MODEL", "").strip():
        raise BadInput("YOAKE_JUDGE_MODEL", "", "the name of a model that the endpoint of YOAKE_JUDGE_URL serves")
    return value


def _public(given: Mapping[str, str]) -> str:
    """The address of the public pages, as letters print it; over plain HTTP only on this machine."""
    value = given.get("YOAKE_PUBLIC_URL", "").strip().rstrip("/")
    try:
        parts = urlsplit(value)
        local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
        sound = bool(parts.hostname) and (parts.scheme == "https" or local) and parts.port != 0 and not parts.path
    except ValueError:
        sound = False
    if value and (not sound or re.search(r"[^!-~]|[@?#]", value)):
        raise BadInput("YOAKE_PUBLIC_URL", value, "https:// and a host, such as https://yoake.example, without a path")
    return value


def _stamps(given: Mapping[str, str]) -> str:
    """The address of a time-stamp authority; what it says is taken only where its certificates are trusted."""
    value = given.get("YOAKE_TSA_URL", "").strip()
    if value and not re.fullmatch(r"https?://[!-?A-~]+", value):
        raise BadInput(
            "YOAKE_TSA_URL", "(not shown: it may hold a password)", "an http(s):// address without user name"
        )
    for name in ("YOAKE_TSA_URL", "YOAKE_TSA_ROOTS"):
        if bool(value) != bool(given.get("YOAKE_TSA_ROOTS")) and not given.get(name):
            raise BadInput(
                name, "", "set YOAKE_TSA_URL and the certificates it is trusted by (YOAKE_TSA_ROOTS), or neither"
            )
    return value


def _oidc(given: Mapping[str, str]) -> dict[str, str]:
    """The identity provider; all of it or nothing. Over plain HTTP only on this machine: what travels opens every case."""
    issuer = given.get("YOAKE_OIDC_ISSUER", "").strip().rstrip("/")
    told = {
        "YOAKE_OIDC_CLIENT_ID": given.get("YOAKE_OIDC_CLIENT_ID", "").strip(),
        "YOAKE_OIDC_CLIENT_SECRET": _secret(given, "YOAKE_OIDC_CLIENT_SECRET").strip(),
    }
    organisation = given.get("YOAKE_OIDC_ORGANISATION", "").strip()
    if not issuer:
        for name, value in {**told, "YOAKE_OIDC_ORGANISATION": organisation}.items():
            if value:
                raise BadInput("YOAKE_OIDC_ISSUER", "", f"the address of the identity provider that {name} is for")
        return dict.fromkeys(
            ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_name", "oidc_organisation"), ""
        )
    try:
        parts = urlsplit(issuer)
        host = parts.hostname or ""
        here = host == "localhost" or is_loopback(host)
        whole = bool(host) and parts.port != 0 and (parts.scheme == "https" or (parts.scheme == "http" and here))
    except ValueError:
        whole = False
    if not whole or re.search(r"[^!-~]|[@?#]", issuer):
        shown = "(not shown: it may hold a password)" if re.search("[@?#]", issuer) else issuer
        raise BadInput(
            "YOAKE_OIDC_ISSUER", shown, "an https:// address without user name, ? and # (http:// on this machine)"
        )
    for name, value in told.items():
        if not value or re.search(r"[^!-~]", value):
            raise BadInput(name, "(not shown)" if value else "", "what the identity provider gave for Yoake, in ASCII")
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": told["YOAKE_OIDC_CLIENT_ID"],
        "oidc_client_secret": told["YOAKE_OIDC_CLIENT_SECRET"],
        "oidc_name": given.get("YOAKE_OIDC_NAME", "").strip()[:60] or host,
        "oidc_organisation": organisation,
    }


def _database_url(value: str) -> str:
    """The address of a PostgreSQL database, checked; errors never show it, for it holds a password."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port, name = parts.port, unquote(parts.path[1:])
        wrong = parts.scheme not in ("postgres", "postgresql") or port == 0 or not 1 <= len(name) <= 63
    except ValueError:  # a port that is no number, brackets that do not close
        wrong = True
    if wrong or re.search(r"[\0-\x20\x7f]|%00", value):
        accepted = "postgresql://user:password@host:5432/name, special characters in it written as %40 and so on"
        raise BadInput("YOAKE_DATABASE_URL", "(not shown: it may hold a password)", accepted)
    return value


def _contact(value: str) -> str:
    """A mail address or the address of a page; it travels in a header, where only ASCII does."""
    value = value.strip()
    if value and not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+|https?://[!-~]+", value):
        raise BadInput("YOAKE_CONTACT", value, "a mail address, or http(s)://page, in ASCII")
    return value


def _file(given: Mapping[str, str], name: str) -> Path | None:
    if not given.get(name):
        return None
    path = Path(given[name]).expanduser()
    if not path.is_file():
        raise BadInput(name, given[name], "the path of an existing file")
    return path


def _folder(given: Mapping[str, str], name: str) -> Path | None:
    if not given.get(name):
        return None
    path = Path(given[name]).expanduser().resolve()
    if not path.is_dir():
        raise BadInput(name, given[name], "the path of an existing folder")
    return path


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 15) or not least <= int(value) <= most:
        raise BadInput(name, value, f"a whole number from {least} to {most}")
    return int(value)


def _per_cent(given: Mapping[str, str], name: str, default: str, most: int) -> float:
    """A share given in per cent, such as 2 or 0.5, as a number from 0 to 1."""
    value = given.get(name, "").strip() or default
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", value, re.ASCII) or float(value) > most:
        raise BadInput(name, value, f"per cent, a number from 0 to {most} such as {default} or 0.5")
    return float(value) / 100


def _address(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "").strip()
    if not value:
        return ""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if value == "localhost" else value.strip("[]")))
    except ValueError:
        raise BadInput(name, value, "an IP address of this machine or of the proxy, or localhost") from None


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value) <= 65535:
        raise BadInput("YOAKE_PORT", value, "a number from 1 to 65535")
    return int(value)


def _yes(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "").lower()
    if value not in ("", "0", "1", "true", "false", "yes", "no"):
        raise BadInput(name, value, "yes or no")
    return value in ("1", "true", "yes")


def _one_of(given: Mapping[str, str], name: str, accepted: tuple[str, ...]) -> str:
    value = given.get(name) or accepted[0]
    if value not in accepted:
        raise BadInput(name, value, f"one of {', '.join(accepted)}")
    return value


CLOCKS = "at_risk=15m serious_crime_related=1h suicide_inducing=1h illegal=1bd harmful=3bd none=1bd"


def _clocks(value: str) -> dict[str, tuple[int, str]]:
    """Minutes, hours or business days by class, such as `illegal=2bd`; what is not named keeps its own value."""
    clocks: dict[str, tuple[int, str]] = {}
    for word in (*CLOCKS.split(), *_words(value)):
        found = re.fullmatch(r"([a-z_]+)=([1-9]\d{0,3})(m|h|bd)", word)
        if found is None or (found[3] == "bd" and int(found[2]) > 60):
            raise BadInput("YOAKE_CLOCKS", value, "words such as at_risk=15m serious_crime_related=1h illegal=1bd")
        clocks[found[1]] = int(found[2]), found[3]
    return clocks


def _host_limits(value: str) -> dict[str, float]:
    """Requests a second by host, such as `*=2 board.example=0.5 localhost:2583=0`."""
    limits: dict[str, float] = {}
    for word in _words(value):
        host, _, rate = word.rpartition("=")
        if not re.fullmatch(r"[0-9a-z.:_*-]+", host) or not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", rate):
            raise BadInput("YOAKE_HOST_LIMITS", value, "words such as *=2 or board.example=0.5; 0 lifts the limit")
        limits[host] = float(rate)
    return limits


def _keep_months(value: str) -> dict[str, int]:
    """Months by class or judgement, such as `illegal=24 minor=2`; what is not named has its default."""
    months = dict(KEEP_MONTHS)
    for word in _words(value):
        name, _, n = word.partition("=")
        if name not in months or not re.fullmatch(r"[0-9]{1,4}", n) or not 1 <= int(n) <= 1200:
            accepted = f"words such as illegal=24, months from 1 to 1200, of {', '.join(months)}"
            raise BadInput("YOAKE_KEEP_MONTHS", word, accepted)
        months[name] = int(n)
    return months


def _words(value: str) -> list[str]:
    return [word for word in value.replace(",", " ").split() if word]
