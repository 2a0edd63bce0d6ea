from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.request import split_domain_port

PAGES = ("/a", "/a/")  # letters name the first; it leads to the second


class OnlyPublicPages:
    """On the host that strangers are sent to there is nothing but the public page and static files: no sign-in, no desk.

    Also where the proxy passes everything on. A host that YOAKE_ALLOWED_HOSTS names too serves both: the operator said so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        public = settings.ENVIRONMENT.public_host
        if public and public not in settings.ENVIRONMENT.allowed_hosts:
            host, _port = split_domain_port(request.get_host())
            if host == public and request.path not in PAGES:
                file = self.get_response(request) if request.path.startswith(settings.STATIC_URL) else None
                if file is None or file.status_code == 404:
                    return HttpResponseNotFound("Not found.", content_type="text/plain")
                return file
        return self.get_response(request)
