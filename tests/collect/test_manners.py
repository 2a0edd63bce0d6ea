from __future__ import annotations

from itertools import pairwise

import pytest

from tests.collect.loopback import NOON
from tests.servers.site import Site, site_server
from yoake.collect.hosts import Hosts
from yoake.collect.manners import LoginWall, Manners, RobotsSayNo, is_login
from yoake.collect.net import Denied, Net
from yoake.errors import Refused, TryLater


class Seconds:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def net(hosts: Hosts | None = None) -> Net:
    return Net(allow_private=True, contact="patrol@example.jp", clock=lambda: NOON, hosts=hosts)


def test_a_site_without_rules_is_read_and_asked_once() -> None:
    with site_server() as site:
        site.put("/a", "x")
        manners = Manners(net())
        for _ in range(3):
            assert manners.get(f"{site.address}/a").body == b"x"
        assert site.asked == ["/robots.txt", "/a", "/a", "/a"]
        (agent,) = site.agents
        assert agent.startswith("Yoake/")
        assert "patrol@example.jp" in agent


ROBOTS = """
User-agent: *
Disallow: /

User-agent: yoake
Allow: /jobs/
Disallow: /jobs/private
Disallow: /*.pdf$
Disallow: /members
Sitemap: https://a.example/sitemap.xml
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/jobs/1", True),
        ("/jobs/private/1", False),
        ("/members", False),
        ("/a.pdf", False),
        ("/a.pdf?x", True),
        ("/%6Dembers", False),  # the same path written otherwise
        ("/elsewhere", True),  # our own group alone counts
        ("/robots.txt", True),
    ],
)
def test_robots_txt_is_obeyed(path: str, allowed: bool) -> None:
    with site_server() as site:
        site.put("/robots.txt", ROBOTS, "text/plain")
        site.put(path, "x" if path != "/robots.txt" else ROBOTS)
        manners = Manners(net())
        if allowed:
            assert manners.get(site.address + path).status == 200
        else:
            with pytest.raises(RobotsSayNo, match="asks programs to stay away"):
                manners.get(site.address + path)
            assert site.pages_asked() == []
        assert manners.sitemaps(site.address) == ["https://a.example/sitemap.xml"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_robots_txt_that_is_not_there_forbids_nothing(status: int) -> None:
    with site_server() as site:
        site.say("/robots.txt", status)
        site.put("/a", "x")
        assert Manners(net()).get(f"{site.address}/a").status == 200


@pytest.mark.parametrize("how", ["500", "503", "429", "endless", "huge"])
def test_while_the_rules_cannot_be_read_nothing_is_fetched(how: str) -> None:
    with site_server() as site:
        if how.isdigit():
            site.say("/robots.txt", int(how))
        elif how == "huge":
            site.put("/robots.txt", b"#" * 1_000_001)
        else:
            site.turn("/robots.txt", "/robots.txt")
        site.put("/a", "x")
        manners = Manners(net())
        for _ in range(2):
            with pytest.raises((TryLater, Refused)):
                manners.get(f"{site.address}/a")
        assert site.pages_asked() == []
        if how in ("500", "503", "huge"):
            assert site.asked == ["/robots.txt"]  # not asked anew for every page


def test_rules_are_read_anew_after_a_day() -> None:
    clock = Seconds()
    with site_server() as site:
        site.put("/a", "x")
        manners = Manners(net(Hosts({"*": 0.0}, clock=clock)))
        manners.get(f"{site.address}/a")
        site.put("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
        clock.at += 86_399
        manners.get(f"{site.address}/a")
        clock.at += 1
        with pytest.raises(RobotsSayNo):
            manners.get(f"{site.address}/a")


def test_a_redirect_is_looked_at_like_any_address() -> None:
    with site_server() as site, site_server() as other:
        other.put("/robots.txt", "User-agent: *\nDisallow: /secret", "text/plain")
        other.put("/secret", "x")
        other.put("/open", "y")
        site.turn("/a", f"{other.address}/secret")
        site.turn("/b", f"{other.address}/open", 308)
        manners = Manners(net())
        with pytest.raises(RobotsSayNo):
            manners.get(f"{site.address}/a")
        found = manners.get(f"{site.address}/b", headers={"If-None-Match": '"x"'})
        assert (found.body, found.url) == (b"y", f"{other.address}/open")
        assert other.pages_asked() == ["/open"]


@pytest.mark.parametrize("to", ["/login?next=/a", "/users/sign_in", "/SignIn.aspx", "/account/log-in", "/sso/start"])
def test_a_login_wall_is_not_climbed(to: str) -> None:
    with site_server() as site:
        site.turn("/a", to)
        site.put(to, "password?")
        with pytest.raises(LoginWall, match="only to those who sign in"):
            Manners(net()).get(f"{site.address}/a")
        assert site.pages_asked() == ["/a"]


def test_a_page_about_signing_in_is_a_page() -> None:
    with site_server() as site:
        site.turn("/login", "/login/")
        site.put("/login/", "x")
        assert Manners(net()).get(f"{site.address}/login").body == b"x"
    assert is_login("https://accounts.example/x")
    assert not is_login("https://a.example/logins/1")


def test_a_redirect_without_end_and_one_to_nowhere() -> None:
    with site_server() as site:
        site.turn("/a", "/a")
        site.turn("/b", "ftp://x/")
        manners = Manners(net())
        with pytest.raises(Refused, match="without end"):
            manners.get(f"{site.address}/a")
        with pytest.raises(Refused, match="cannot be fetched"):
            manners.get(f"{site.address}/b")


def test_who_is_not_let_in_is_told() -> None:
    with site_server() as site:
        site.say("/a", 403)
        with pytest.raises(Denied):
            Manners(net()).get(f"{site.address}/a")


@pytest.mark.parametrize(("told", "own_s", "every_s"), [("10", 0.0, 10), ("10", 30.0, 30), ("0", 0.0, 0), ("", 5.0, 5)])
def test_a_crawl_delay_is_kept(told: str, own_s: float, every_s: float) -> None:
    clock = Seconds()
    hosts = Hosts({"*": 1000.0}, clock=clock)

    class Waiting(Net):
        def wait(self, seconds: float) -> bool:
            clock.at += seconds
            return False

    with site_server() as site:
        site.put("/robots.txt", f"User-agent: *\nCrawl-delay: {told}\n" if told else "", "text/plain")
        site.put("/a", "x")
        times = []
        manners = Manners(Waiting(allow_private=True, hosts=hosts), delay_s=own_s)
        shown = 0
        for _ in range(4):
            shown += len(list(manners.rest(f"{site.address}/a", "c")))
            manners.get(f"{site.address}/a")
            times.append(clock.at)
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps == pytest.approx([every_s] * 3)
        assert (shown > 0) == (every_s > 0)  # an empty page a second meanwhile
        assert isinstance(site, Site)
