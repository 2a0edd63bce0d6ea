"""What is written down of a body must have the form of what it is; whether it is true, only a person knows."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from yoake.casework.due import TOKYO
from yoake.casework.registers.keys import public_key
from yoake.casework.registers.models import Contact, Kind
from yoake.detect.text.extraction import prefectures
from yoake.errors import BadInput

NAME_LONGEST: Final = 100
SOURCE_LONGEST: Final = 300
ADDRESS_LONGEST: Final = 300
TERMS_LONGEST: Final = 2000
URL_LONGEST: Final = 500
MOST_HOSTS: Final = 20
LOOK_AGAIN_DAYS: Final = 365  # after which the page asks to check a contact anew; it holds all the same
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{1,58}")
_SHORT_NUMBER: Final = re.compile(r"#?[0-9]{3,4}")  # 110, 189, #9110
_HOST: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,24}")
_HANDLE: Final = re.compile(r"[^\s@]{1,200}(?:@[^\s@]{1,99})?")
_EARLIEST: Final = date(2020, 1, 1)

Way = Contact.Way


def contact_value(way: str, value: str) -> str:
    """The value as it is kept. Raises BadInput for a way there is none of, or what is none of that way."""
    if way not in Way.values:
        raise BadInput("way", way, f"one of {', '.join(Way.values)}")
    lines = [line.strip() for line in value.replace("\r\n", "\n").strip().split("\n")]
    value = "\n".join(lines)
    if not value:
        raise BadInput(way, value, "something must be filled in")
    if way == Way.PUBLIC_KEY:
        return public_key(value)
    longest = {Way.ADDRESS: ADDRESS_LONGEST, Way.TERMS: TERMS_LONGEST}.get(Way(way), URL_LONGEST)
    if len(value) > longest:
        raise BadInput(way, value, f"at most {longest} characters")
    if way == Way.EMAIL:
        return mail_address(value)
    if way == Way.FORM:
        return _form(value)
    return _telephone(value) if way == Way.TELEPHONE else value


def source_of(source: str, checked_on: str, now: datetime) -> tuple[str, date]:
    """Where something is from and when it was checked, as they are kept. Raises BadInput where either is missing."""
    source = " ".join(source.split())
    if not source or len(source) > SOURCE_LONGEST:
        raise BadInput("where_from", source, f"where it is from, at most {SOURCE_LONGEST} characters")
    today = now.astimezone(TOKYO).date()
    try:
        day = date.fromisoformat(checked_on)
    except ValueError:
        raise BadInput("checked_on", checked_on, "the day on which somebody looked there") from None
    if not _EARLIEST <= day <= today:
        raise BadInput("checked_on", day.isoformat(), "a day that is not in the future, and not before 2020")
    return source, day


def name_of(field: str, name: str) -> str:
    """A name on one line. Raises BadInput for none, or too long a one."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LONGEST:
        raise BadInput(field, name, "one to 100 characters on one line")
    return name


def slug_of(slug: str) -> str:
    """A short name. Raises BadInput for what is none."""
    slug = slug.strip().lower()
    if not _SLUG.fullmatch(slug):
        raise BadInput("slug", slug, "a short name of small letters, digits and _, such as example_board")
    return slug


def kind_of(kind: str) -> str:
    """A kind of body. Raises BadInput for what is none."""
    if kind not in Kind.values:
        raise BadInput("body_kind", kind, f"one of {', '.join(Kind.values)}")
    return kind


def prefecture_of(prefecture: str) -> str:
    """A prefecture as in Japanese, or "". Raises BadInput for what is none."""
    if prefecture and prefecture not in prefectures():
        raise BadInput("prefecture", prefecture, "a prefecture, or nothing")
    return prefecture


def hosts_of(hosts: str) -> list[str]:
    """Hosts, whatever stands between them, without www. Raises BadInput for what is none."""
    found = [host.lower().removeprefix("www.").rstrip(".") for host in re.split(r"[\s,、]+", hosts.strip()) if host]
    for host in found:
        if not _HOST.fullmatch(host):
            raise BadInput("hosts", host, "names of hosts such as jobs.example, with spaces between them")
    if len(found) > MOST_HOSTS:
        raise BadInput("hosts", f"{len(found)}", f"at most {MOST_HOSTS} hosts")
    return list(dict.fromkeys(found))


def handle_of(handle: str) -> str:
    """A handle in small letters, without @ in front. Raises BadInput for what is none."""
    handle = handle.strip().removeprefix("@").lower()
    if not _HANDLE.fullmatch(handle):
        raise BadInput("handle", handle, "the handle of an account, without spaces")
    return handle


def mail_address(value: str) -> str:
    """A mail address. Raises BadInput for what is none."""
    value = value.strip()
    try:
        validate_email(value)
    except ValidationError:
        raise BadInput(Way.EMAIL, value, "one mail address") from None
    return value


def _form(value: str) -> str:
    parts = urlsplit(value) if value.isprintable() and " " not in value else urlsplit("")
    if parts.scheme != "https" or not parts.hostname or "." not in parts.hostname or parts.username is not None:
        raise BadInput(Way.FORM, value, "a web address that begins with https://")
    return value


def _telephone(value: str) -> str:
    """As it was written: people read it. It must be a number that exists, or one of three or four digits."""
    if _SHORT_NUMBER.fullmatch(value):
        return value
    try:
        number = phonenumbers.parse(value, "JP")
        valid = phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        raise BadInput(Way.TELEPHONE, value, "a telephone number that exists, such as +81 3 1234 5678")
    return value
