"""A link for the browser's bookmarks that brings the open page's address and the chosen words into the form.

They travel behind the # of the address, which no browser sends to any server: neither log nor proxy sees them. Nothing
is stored before a person presses the button of the form.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from yoake.casework.people.queries import Actor
from yoake.console.page import page, staff_page

# What it does on the page that is open there: nothing but read, and open a window of ours. The mark `from=page` tells
# add.js whose fragment it is.
_CODE: Final = (
    "(()=>{"
    "const told=new URLSearchParams({from:'page',url:location.href.slice(0,2000),"
    "title:document.title.slice(0,300),text:String(getSelection()).slice(0,20000)});"
    "window.open('ADD#'+told,'_blank','noopener')"
    "})()"
)


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The link, and how it comes among the bookmarks."""
    actor.must("add")
    link = link_to(request.build_absolute_uri(reverse("add")))
    return page(request, actor, "yoake/bookmarklet.html", {"place": "add", "tab": "bookmarklet", "link": link})


def link_to(add_address: str) -> str:
    """The javascript: link that opens the form at this address."""
    return "javascript:" + quote(_CODE.replace("ADD", quote(add_address, safe=":/[]")), safe="(){}=>.,:/;'+?#&")
