"""Is the port free, does the page answer, and under which address is it opened?"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import sys
import time

from django.conf import settings

from yoake.cli.words import _
from yoake.errors import Refused


def is_free(bind: str, port: int) -> bool:
    """Whether nothing listens there. Raises Refused when the address is not one of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":  # there it would allow what it must find out
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except PermissionError:
            raise Refused(
                _("This account may not listen on port {port}: choose one above 1023 with YOAKE_PORT.").format(
                    port=port
                )
            ) from None
        except OSError as error:
            if (
                isinstance(error, socket.gaierror)
                or error.errno == errno.EADDRNOTAVAIL
                or getattr(error, "winerror", 0) == 10049
            ):
                raise Refused(
                    _("{address} is not an address of this machine: correct YOAKE_BIND.").format(address=bind)
                ) from None
            return False
    return True


def must_be_free(bind: str, port: int, *, within_s: float = 0.0) -> None:
    """Raises Refused, with what to do, when the port is in use; a server that is just ending gets `within_s` for it."""
    until = time.monotonic() + within_s
    while not is_free(bind, port):
        if time.monotonic() >= until:
            raise Refused(
                _(
                    "Port {port} on {address} is in use by another program: stop that one, "
                    "or choose another port, for example YOAKE_PORT={other}."
                ).format(port=port, address=bind, other=port + 1 if port < 65535 else 8000)
            )
        time.sleep(0.1)


def answers(timeout_s: float = 2.0) -> bool:
    """Whether the web process answers a request, whatever it says."""
    environment = settings.ENVIRONMENT
    host = reached_at(environment.bind)
    connection: http.client.HTTPConnection
    if environment.tls_cert:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # we ask ourselves, over loopback
        connection = http.client.HTTPSConnection(host, environment.port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, environment.port, timeout=timeout_s)
    try:
        connection.request("GET", "/", headers={"Host": _named()})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def reached_at(bind: str) -> str:
    """The address under which this machine itself reaches a listener."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - read, not bound


def address_shown() -> str:
    """What a person types into the browser."""
    environment = settings.ENVIRONMENT
    if environment.proxy:
        return f"https://{_named()}/"
    scheme = "https" if environment.tls_cert else "http"
    default = 443 if environment.tls_cert else 80
    port = "" if environment.port == default else f":{environment.port}"
    return f"{scheme}://{_named()}{port}/"


def _named() -> str:
    names = [name for name in settings.ENVIRONMENT.allowed_hosts if "*" not in name and not name.startswith(".")]
    return names[0] if names else "localhost"
