from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden

from yoake.config.environment import is_loopback, plain_address


class OnlyThroughProxy:
    """With a proxy named, nobody else may connect: otherwise anyone could claim to have come over TLS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        proxy, peer = settings.ENVIRONMENT.proxy, plain_address(request.META.get("REMOTE_ADDR", ""))
        if proxy and peer != proxy and not (is_loopback(proxy) and is_loopback(peer)):
            return HttpResponseForbidden("Open Yoake through its proxy.", content_type="text/plain")
        return self.get_response(request)
