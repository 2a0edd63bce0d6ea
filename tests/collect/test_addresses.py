from __future__ import annotations

import pytest

from yoake.collect.addresses import canonical_url
from yoake.errors import BadInput


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://A.example", "https://a.example/"),
        ("https://a.example/x?b=1&utm_medium=y&c=#z", "https://a.example/x?b=1&c="),
        ("https://a.example/?123", "https://a.example/?123"),
        ("https://a.example/?q=%FF", "https://a.example/?q=%FF"),
        ("https://a.example/#/post/1", "https://a.example/#/post/1"),
        ("https://a.example:443/", "https://a.example/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://twitter.com/someone/status/1?s=20&t=abc", "https://x.com/someone/status/1"),
        ("https://mobile.twitter.com/someone/status/1#m", "https://x.com/someone/status/1"),
        ("http://a.example:8080/%E6%97%A5", "http://a.example:8080/%E6%97%A5"),
    ],
)
def test_canonical_addresses(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url", ["", "a.example", "ftp://a.example/", "https://", "https://a b.example/", "https://u:p@h/", "x" * 3000]
)
def test_what_is_no_canonical_address(url: str) -> None:
    with pytest.raises(BadInput):
        canonical_url(url)
