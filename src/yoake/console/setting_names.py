"""What the settings of connectors are called; one of a later connector goes by its own name."""

from __future__ import annotations

import re

from django.utils.translation import gettext, gettext_noop

_NAMES = {
    "api": gettext_noop("Address of the API"),
    "ask_origin": gettext_noop("Ask the server of origin"),
    "backfill_minutes": gettext_noop("Minutes sent again"),
    "catch_up": gettext_noop("Search for what was missed"),
    "columns": gettext_noop("Which column is what"),
    "cursor": gettext_noop("Place to go on at"),
    "days": gettext_noop("Days of the first round"),
    "delay_s": gettext_noop("Seconds between two requests"),
    "delimiter": gettext_noop("Between two fields"),
    "encoding": gettext_noop("Encoding"),
    "endpoint": gettext_noop("Server"),
    "endpoints": gettext_noop("Servers"),
    "every_s": gettext_noop("Interval in seconds"),
    "handle": gettext_noop("Account that searches"),
    "hashtags": gettext_noop("Hashtags"),
    "instance": gettext_noop("Server"),
    "key": gettext_noop("Name of the secret"),
    "lang": gettext_noop("Language of the posts"),
    "only": gettext_noop("Only addresses with"),
    "only_japanese": gettext_noop("Only Japanese posts"),
    "page_posts": gettext_noop("Posts of a page"),
    "path": gettext_noop("File"),
    "platform": gettext_noop("Where the posts come from"),
    "plc": gettext_noop("Directory of accounts"),
    "posts_per_month": gettext_noop("Posts a month, at most"),
    "proxy": gettext_noop("Secret with the proxy’s address"),
    "queries": gettext_noop("Words to search for"),
    "query": gettext_noop("Words to search for"),
    "relays": gettext_noop("Relays"),
    "rules": gettext_noop("Rules"),
    "search_mode": gettext_noop("Words or tags"),
    "search_type": gettext_noop("Order of the results"),
    "searches": gettext_noop("Words to search for as well"),
    "searches_per_day": gettext_noop("Searches a day, at most"),
    "service": gettext_noop("Server of the account"),
    "tag": gettext_noop("Mark of the rules"),
    "time_format": gettext_noop("How times are written"),
    "time_zone": gettext_noop("Time zone"),
    "timeline": gettext_noop("Timeline"),
    "token": gettext_noop("Name of the secret with the access token"),
    "url": gettext_noop("Address"),
    "user_agent": gettext_noop("Name to ask under"),
    "web": gettext_noop("Page that shows a post"),
}
_FIELD = re.compile(r"(?:option )?(\w+)(?: of \w+)?")


def setting_name(setting: str) -> str:
    """What a setting is called, from its name or from how an error writes it (`option every_s of rss`)."""
    found = _FIELD.fullmatch(setting)
    name = found[1] if found else setting
    return gettext(_NAMES[name]) if name in _NAMES else name


def has_name(setting: str) -> bool:
    """Whether a setting has a name in words."""
    return setting in _NAMES
