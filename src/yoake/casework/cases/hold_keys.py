"""By what a post or an account can be held: its names, contacts and addresses, in one spelling each, as keyed hashes.

Whoever has the database alone, without the deployment's key, can neither read what is held nor find it by trying.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256

import phonenumbers
from django.conf import settings

from yoake.casework.cases.models import Account, HoldKey, Post, PostVersion
from yoake.collect import bluesky, fediverse, threads, x
from yoake.collect.items import Item, item_of
from yoake.detect.text.extraction import extract
from yoake.errors import BadInput

ANY_APP = "any"  # a contact id whichever app it belongs to, also where a post names none
_MADE_HERE = "practice"  # invented posts: nobody's hands are on them


def account_form(network: str, name: str) -> str:
    """An account by its lasting id or its handle, on a network."""
    return f"account\0{network}\0{_folded(name).removeprefix('@')}"


def contact_form(app: str, name: str) -> str:
    """A contact id of an app; ANY_APP: of whichever."""
    return f"contact\0{app}\0{_folded(name).removeprefix('@')}"


def phone_form(number: str) -> str:
    """A telephone number (E.164)."""
    return f"phone\0{number}"


def address_form(url: str) -> str:
    """A web address; http or https, with or without www, is the same. Raises BadInput for what is none."""
    told = item_of(url if "://" in url else f"https://{url}").url
    return "url\0" + _folded(told).partition("://")[2].removeprefix("www.").rstrip("/")


def phone_number(written: str) -> str:
    """A telephone number as E.164, read as a Japanese one without a country's code. Raises BadInput."""
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", written), "JP")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise BadInput("phone", written, "a telephone number that exists, such as +81 3 1234 5678")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def key_of(form: str) -> str:
    """The keyed hash of a form (64 hex digits)."""
    secret = sha256(f"hold keys\0{settings.SECRET_KEY}".encode()).digest()
    return hmac.new(secret, form.encode(), "sha256").hexdigest()


def note_keys(post: Post, versions: Iterable[PostVersion]) -> None:
    """Notes by what the post and its account can be held; what was noted before stays. The caller saves `post.keyed`."""
    post.keyed = True
    if post.network == _MADE_HERE:
        return
    account = post.account
    rows = [HoldKey(post=post, key=key_of(form)) for form in sorted(set(_forms_of_post(post, account, versions)))]
    if account is not None:
        rows += [HoldKey(account=account, key=key_of(form)) for form in sorted(set(_forms_of_account(account)))]
    HoldKey.objects.bulk_create(rows, ignore_conflicts=True)


def note_keys_anew(post: Post) -> None:
    """After an erasure: only what is left of the post holds it."""
    HoldKey.objects.filter(post=post).delete()
    note_keys(post, post.versions.all())


def key_posts(limit: int) -> int:
    """Notes the keys of posts that were stored before there were holds; returns how many it took."""
    posts = list(Post.objects.filter(keyed=False).select_related("account").order_by("pk")[:limit])
    for post in posts:
        note_keys(post, post.versions.all())
        Post.objects.filter(pk=post.pk).update(keyed=True)
    return len(posts)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _forms_of_account(account: Account) -> Iterator[str]:
    for name in filter(None, (account.native_id, account.handle)):
        yield account_form(account.network, name)
        for address in _profiles(account.network, name):
            yield from _address_forms(address)


def _forms_of_post(post: Post, account: Account | None, versions: Iterable[PostVersion]) -> Iterator[str]:
    if post.url:
        yield from _address_forms(post.url)
        if account is not None and account.handle and account.native_id in post.url:  # as people copy it
            yield from _address_forms(post.url.replace(account.native_id, account.handle))
        if account is None:
            yield from _author_in(post.url)
    for version in versions:
        for one in (*extract(version.text), *extract(version.profile)):
            if one.kind == "url":
                yield from _address_forms(one.value)
            elif one.kind == "phone":
                yield phone_form(one.value)
            elif one.kind == "contact":
                yield from _contact_forms(one.value)


def _contact_forms(value: str) -> Iterator[str]:
    """As `extract` writes a contact: "telegram:name", "mail:address", "id:name" and "@name" when no app is named."""
    app, colon, name = value.partition(":")
    if value.startswith("@") or not colon:
        app, name = "", value
    yield contact_form(ANY_APP, name)
    if app and app != "id":
        yield contact_form(app, name)
    if app == "whatsapp" and name.isdigit():  # wa.me is followed by the number itself
        yield phone_form(f"+{name}")


def _address_forms(url: str) -> Iterator[str]:
    try:
        yield address_form(url)
    except BadInput:  # looks like an address in a text, and is none
        return


def _author_in(url: str) -> Iterator[str]:
    """Who wrote a post that people entered, as far as its address says so."""
    try:
        item = item_of(url)
    except BadInput:
        return
    if name := _handle_in(item):
        yield account_form(item.network, name)
        for address in _profiles(item.network, name):
            yield from _address_forms(address)


def _handle_in(item: Item) -> str:
    first = item.url.partition("://")[2].split("/")[1:2]
    if item.network == bluesky.NETWORK:
        place = bluesky.split_uri(item.native_id)
        return item.author or (place.did if place is not None else "")
    if item.network in (x.NETWORK, threads.NETWORK):
        return first[0].removeprefix("@") if first and first[0] != "i" else ""
    if item.network == fediverse.NETWORK:
        server = fediverse.place_of(item.url)
        if server is not None and server.author and not server.numbered:
            return f"{server.author}@{server.base.partition('://')[2]}"
    return ""


def _profiles(network: str, name: str) -> Iterator[str]:
    """Addresses under which a network shows an account."""
    if network == bluesky.NETWORK:
        yield f"https://bsky.app/profile/{name}"
    elif network == x.NETWORK:
        yield f"https://x.com/{name}"
    elif network == threads.NETWORK:
        yield from (f"https://www.threads.com/@{name}", f"https://www.threads.net/@{name}")
    elif network == fediverse.NETWORK:
        user, _at, host = name.partition("@")
        yield name if name.startswith("https://") else f"https://{host}/@{user}"
