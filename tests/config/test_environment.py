"""Settings: defaults, wrong values, secrets in files, exposure; and the page that lists them."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from yoake.config import environment
from yoake.config.environment import plain_address, read, secret_key
from yoake.errors import BadInput, Refused

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "settings.md").read_text()
SOURCE = Path(environment.__file__).read_text()


def test_defaults() -> None:
    found = read({})
    assert (found.bind, found.port, found.engine, found.language) == ("127.0.0.1", 8000, "inline", "ja")
    assert found.data == Path("var").resolve()
    assert found.key_file == found.data / "key" / "yoake.key"
    assert found.loopback_only
    found.check_exposure()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YOAKE_PORT", "http"),
        ("YOAKE_PORT", "0"),
        ("YOAKE_PORT", "65536"),
        ("YOAKE_PORT", "８０００"),
        ("YOAKE_BIND", "example.org"),
        ("YOAKE_BIND", "1.2.3"),
        ("YOAKE_PROXY", "proxy.example"),
        ("YOAKE_TLS_CERT", "/nowhere/cert.pem"),
        ("YOAKE_ALLOW_PRIVATE_NETWORKS", "perhaps"),
        ("YOAKE_LANGUAGE", "fr"),
        ("YOAKE_HOST_LIMITS", "2"),
        ("YOAKE_HOST_LIMITS", "*=fast"),
        ("YOAKE_HOST_LIMITS", "*=-1"),
        ("YOAKE_HOST_LIMITS", "https://a.example=1"),
        ("YOAKE_SAMPLE_PER_DAY", "1001"),
        ("YOAKE_SAMPLE_PER_DAY", "-1"),
        ("YOAKE_REVIEW_SHARE", "101"),
        ("YOAKE_REVIEW_SHARE", "2%"),
        ("YOAKE_GOLD_SHARE", "21"),
        ("YOAKE_GOLD_SHARE", "-1"),
        ("YOAKE_CONTACT", "警察@example.jp"),
        ("YOAKE_CONTACT", "Taro Yamada"),
        ("YOAKE_CONTACT", "a@example.jp\r\nX: y"),
        ("YOAKE_CONTACT", "ftp://example.jp/"),
        ("YOAKE_DATABASE_URL_FILE", "/nowhere/url"),
        ("YOAKE_ENCODER", "/nowhere/model"),
        ("YOAKE_JUDGE_URL", "localhost:8080"),
        ("YOAKE_JUDGE_URL", "ftp://host/v1"),
        ("YOAKE_JUDGE_URL", "http://host:99999/v1"),
        ("YOAKE_JUDGE_URL", "http://ホスト/v1"),
        ("YOAKE_JUDGE_KEY_FILE", "/nowhere/key"),
        ("YOAKE_JUDGE_EXTERNAL", "perhaps"),
        ("YOAKE_JUDGE_CALLS_PER_DAY", "-1"),
        ("YOAKE_JUDGE_CALLS_PER_DAY", "1.5"),
        ("YOAKE_JUDGE_TOKENS_PER_DAY", "many"),
        ("YOAKE_JUDGE_TIMEOUT_S", "121"),
        ("YOAKE_PICTURES", "2"),
        ("YOAKE_PICTURES_WEAK_PER_DAY", "٣"),
    ],
)
def test_a_wrong_value_names_variable_and_value(name: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        read({name: value})
    assert name in str(caught.value)
    assert repr(value)[1:-1] in str(caught.value)


def test_limits_by_host() -> None:
    assert read({}).host_limits == {}
    told = read({"YOAKE_HOST_LIMITS": "*=0.5, board.example=10 127.0.0.1:2583=0"}).host_limits
    assert told == {"*": 0.5, "board.example": 10.0, "127.0.0.1:2583": 0.0}


def test_secrets_are_taken_by_name_and_never_shown() -> None:
    found = read({"YOAKE_SECRET_X_BEARER": "hunter2"})
    assert found.secrets == {"x_bearer": "hunter2"}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("contact", ["", "patrol@example.jp", "https://example.jp/patrol?x=(1)", "http://h"])
def test_contact(contact: str) -> None:
    assert read({"YOAKE_CONTACT": contact}).contact == contact


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////x",
        "mysql://u:hunter2@h/n",
        "pgsql://u:hunter2@h/n",
        "hunter2",
        "hunter2://h/n",
        "postgresql://u:hunter2@h:99999/n",
        "postgresql://u:hunter2@h:0/n",
        "postgresql://u:p:hunter2/n",
        "postgresql://u:hunter2@[::1/n",
        "postgresql://u:hunter2@h",
        "postgresql://u:hunter2@h/" + "n" * 64,
        "postgresql://u:hunter2@h/n\nm",
        "postgresql://u:hunter2%00@h/n",
    ],
)
def test_a_database_that_cannot_be_is_named_and_its_password_is_not_shown(url: str, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(url)
    for given in ({"YOAKE_DATABASE_URL": url}, {"YOAKE_DATABASE_URL_FILE": str(file)}):
        with pytest.raises(BadInput) as caught:
            read(given)
        assert "YOAKE_DATABASE_URL" in str(caught.value)
        assert "hunter2" not in str(caught.value) + repr(vars(caught.value))
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u@h/n",
        "postgresql://u:p%40%20%2F@h:5432/n?sslmode=require",
        "postgresql://u:p@[::1]:5432/n",
        "postgresql://u@%2Fvar%2Frun%2Fpostgresql/n",
        "postgresql:///n",
    ],
)
def test_databases_that_can_be(url: str) -> None:
    assert read({"YOAKE_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    ("bind", "kept", "loopback"),
    [
        ("localhost", "127.0.0.1", True),
        ("127.0.0.5", "127.0.0.5", True),
        ("[::1]", "::1", True),
        ("::", "::", False),
        ("0.0.0.0", "0.0.0.0", False),
        ("192.0.2.7", "192.0.2.7", False),
    ],
)
def test_bind(bind: str, kept: str, loopback: bool) -> None:
    found = read({"YOAKE_BIND": bind})
    assert found.bind == kept
    assert found.loopback_only == loopback


def test_exposure_needs_tls_or_a_named_proxy(tmp_path: Path) -> None:
    file = tmp_path / "pem"
    file.write_text("x")
    beyond = {"YOAKE_BIND": "0.0.0.0"}
    with pytest.raises(Refused, match="YOAKE_TLS_CERT"):
        read(beyond).check_exposure()
    read({**beyond, "YOAKE_PROXY": "192.0.2.1"}).check_exposure()
    read({**beyond, "YOAKE_TLS_CERT": str(file), "YOAKE_TLS_KEY": str(file)}).check_exposure()
    with pytest.raises(BadInput, match="YOAKE_TLS_KEY"):
        read({**beyond, "YOAKE_TLS_CERT": str(file)}).check_exposure()
    with pytest.raises(BadInput, match="YOAKE_TLS_CERT"):
        read({"YOAKE_TLS_KEY": str(file)}).check_exposure()


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@h/n\n")
    assert read({"YOAKE_DATABASE_URL_FILE": str(file)}).database_url == "postgresql://u:p@h/n"


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "key" / "yoake.key"
    key = secret_key(file)
    assert len(key) == 64
    assert secret_key(file) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == stat.S_IMODE(file.parent.parent.stat().st_mode) == 0o700


def test_a_cut_key_or_an_impossible_place_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("abc")
    with pytest.raises(BadInput, match="YOAKE_KEY_FILE"):
        secret_key(file)
    with pytest.raises(Refused, match="YOAKE_KEY_FILE"):
        secret_key(file / "below" / "key")


@pytest.mark.parametrize(("said", "on"), [("", True), ("yes", True), ("no", False), ("0", False)])
def test_context_is_fetched_unless_switched_off(said: str, on: bool) -> None:
    assert read({"YOAKE_CONTEXT": said}).context is on
    assert read({"YOAKE_CHECKS_PER_HOST": "7"}).checks_per_host == 7
    assert read({"YOAKE_WARN_AUTHOR_DAYS": "90"}).warn_author_days == 90
    for name, wrong in (("YOAKE_WARN_AUTHOR_DAYS", "0"), ("YOAKE_CONTEXT", "perhaps"), ("YOAKE_CHECKS_PER_HOST", "-1")):
        with pytest.raises(BadInput, match=name):
            read({name: wrong})


def test_second_looks_are_off_unless_configured(tmp_path: Path) -> None:
    assert read({}).second_looks == ()
    key = tmp_path / "key"
    key.write_text("sk-hunter2\n")
    found = read(
        {
            "YOAKE_ENCODER": str(tmp_path),
            "YOAKE_JUDGE_URL": " http://[::1]:8080/v1/ ",
            "YOAKE_JUDGE_MODEL": "a-model",
            "YOAKE_JUDGE_KEY_FILE": str(key),
            "YOAKE_PICTURES": "yes",
        }
    )
    assert found.second_looks == ("encoder", "llm_judge", "pictures")
    assert (found.judge_url, found.judge_key, found.judge_external) == ("http://[::1]:8080/v1", "sk-hunter2", False)
    assert "hunter2" not in repr(found)


def test_a_judge_needs_the_name_of_its_model() -> None:
    with pytest.raises(BadInput, match="YOAKE_JUDGE_MODEL"):
        read({"YOAKE_JUDGE_URL": "http://localhost:8080/v1"})


@pytest.mark.parametrize("url", ["http://u:hunter2@host/v1", "http://host/v1?key=hunter2", "http://host/v1#hunter2"])
def test_a_secret_in_the_address_of_the_judge_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(BadInput, match="YOAKE_JUDGE_URL") as caught:
        read({"YOAKE_JUDGE_URL": url, "YOAKE_JUDGE_MODEL": "m"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"sk-hunter2\nsk-more", b"sk hunter2", "鍵hunter2".encode(), b"hunter2\xff"])
def test_a_key_that_is_none_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "key"
    key.write_bytes(content)
    with pytest.raises(BadInput, match="YOAKE_JUDGE_KEY_FILE") as caught:
        read({"YOAKE_JUDGE_KEY_FILE": str(key)})
    assert "hunter2" not in str(caught.value)


OIDC = {
    "YOAKE_OIDC_ISSUER": "https://id.example/realm/",
    "YOAKE_OIDC_CLIENT_ID": "yoake",
    "YOAKE_OIDC_CLIENT_SECRET": "s3cret",
}


def test_signing_in_elsewhere_is_off_unless_set() -> None:
    assert read({}).oidc_issuer == ""
    found = read(OIDC)
    assert (found.oidc_issuer, found.oidc_client_id, found.oidc_name) == (
        "https://id.example/realm",
        "yoake",
        "id.example",
    )
    assert "s3cret" not in repr(found)
    assert read({**OIDC, "YOAKE_OIDC_NAME": "県庁"}).oidc_name == "県庁"
    assert read({**OIDC, "YOAKE_OIDC_ORGANISATION": " 架空県警 "}).oidc_organisation == "架空県警"
    assert read({**OIDC, "YOAKE_OIDC_ISSUER": "http://127.0.0.1:9000"}).oidc_issuer == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"YOAKE_OIDC_ISSUER": ""}, "YOAKE_OIDC_ISSUER"),
        ({**dict.fromkeys(OIDC, ""), "YOAKE_OIDC_ORGANISATION": "架空県警"}, "YOAKE_OIDC_ISSUER"),
        ({"YOAKE_OIDC_ISSUER": "http://id.example"}, "YOAKE_OIDC_ISSUER"),
        ({"YOAKE_OIDC_ISSUER": "id.example"}, "YOAKE_OIDC_ISSUER"),
        ({"YOAKE_OIDC_ISSUER": "https://me:pw@id.example"}, "YOAKE_OIDC_ISSUER"),
        ({"YOAKE_OIDC_CLIENT_ID": ""}, "YOAKE_OIDC_CLIENT_ID"),
        ({"YOAKE_OIDC_CLIENT_SECRET": ""}, "YOAKE_OIDC_CLIENT_SECRET"),
        ({"YOAKE_OIDC_CLIENT_SECRET": "two words"}, "YOAKE_OIDC_CLIENT_SECRET"),
    ],
)
def test_half_an_identity_provider_is_named(change: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as problem:
        read({**OIDC, **change})
    assert problem.value.field == field
    assert not any(secret in str(problem.value) for secret in ("s3cret", "pw", "two words"))


def test_the_secret_of_the_identity_provider_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n")
    told = {**OIDC, "YOAKE_OIDC_CLIENT_SECRET": "", "YOAKE_OIDC_CLIENT_SECRET_FILE": str(file)}
    assert read(told).oidc_client_secret == "from-a-file"


def test_months_of_keeping() -> None:
    assert read({}).keep_months["illegal"] == 12
    months = read({"YOAKE_KEEP_MONTHS": "illegal=24, minor=2"}).keep_months
    assert (months["illegal"], months["minor"], months["harmful"]) == (24, 2, 6)


@pytest.mark.parametrize("value", ["illegal", "illegal=0", "illegal=1201", "nonsense=3", "illegal=-1", "illegal=１"])
def test_wrong_months_are_refused(value: str) -> None:
    with pytest.raises(BadInput, match="YOAKE_KEEP_MONTHS"):
        read({"YOAKE_KEEP_MONTHS": value})


def test_plain_address() -> None:
    assert plain_address("::ffff:127.0.0.1") == "127.0.0.1"
    assert plain_address("0:0::1") == "::1"
    assert plain_address("192.0.2.1") == "192.0.2.1"
    assert plain_address("") == ""


def test_the_page_lists_every_variable() -> None:
    in_code = set(re.findall(r'"(YOAKE_[A-Z_]+)"', SOURCE)) | {
        "YOAKE_DATABASE_URL_FILE",
        "YOAKE_OIDC_CLIENT_SECRET_FILE",
    }
    listed = re.findall(r"^\| `(YOAKE_[A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert set(listed) == in_code
    assert len(listed) == len(set(listed))


def test_the_page_tells_the_defaults() -> None:
    found = read({})
    told = dict(re.findall(r"^\| `(YOAKE_[A-Z_]+)` \| `([^`]*)` ", PAGE, re.MULTILINE))
    assert told == {
        "YOAKE_DATA": "var",
        "YOAKE_KEY_FILE": str(found.key_file.relative_to(found.data)),
        "YOAKE_BIND": found.bind,
        "YOAKE_PORT": str(found.port),
        "YOAKE_ALLOWED_HOSTS": " ".join(found.allowed_hosts),
        "YOAKE_SOURCES": found.sources,
        "YOAKE_ENGINE": found.engine,
        "YOAKE_ALLOW_PRIVATE_NETWORKS": "no",
        "YOAKE_LANGUAGE": found.language,
        "YOAKE_SENSITIVE_PER_DAY": str(found.sensitive_per_day),
        "YOAKE_SENSITIVE_MINUTES": str(found.sensitive_minutes),
        "YOAKE_SENSITIVE_IN_A_ROW": str(found.sensitive_in_a_row),
        "YOAKE_BREAK_MINUTES": str(found.break_minutes),
        "YOAKE_CLOCKS": " ".join(f"{name}={n}{unit}" for name, (n, unit) in found.clocks.items()),
        "YOAKE_SAMPLE_PER_DAY": str(found.sample_per_day),
        "YOAKE_REVIEW_SHARE": f"{100 * found.review_share:g}",
        "YOAKE_GOLD_SHARE": f"{100 * found.gold_share:g}",
        "YOAKE_JUDGE_EXTERNAL": "no",
        "YOAKE_JUDGE_CALLS_PER_DAY": str(found.judge_calls_per_day),
        "YOAKE_JUDGE_TOKENS_PER_DAY": str(found.judge_tokens_per_day),
        "YOAKE_JUDGE_TIMEOUT_S": str(found.judge_timeout_s),
        "YOAKE_CHECKS_PER_HOST": str(found.checks_per_host),
        "YOAKE_WARN_AUTHOR_DAYS": str(found.warn_author_days),
        "YOAKE_CONTEXT": "yes" if found.context else "no",
        "YOAKE_PICTURES": "no",
        "YOAKE_EVIDENCE_PICTURES": "yes" if found.evidence_pictures else "no",
        "YOAKE_PICTURES_WEAK_PER_DAY": str(found.pictures_weak_per_day),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "http://yoake.example",
        "yoake.example",
        "https://",
        "https://yoake.example/path",
        "https://a@yoake.example",
        "https://yoake.example?x",
        "https://yoake.example:99999",
    ],
)
def test_the_public_address_is_https_and_a_host(wrong: str) -> None:
    with pytest.raises(BadInput, match="YOAKE_PUBLIC_URL"):
        read({"YOAKE_PUBLIC_URL": wrong})
    assert read({"YOAKE_PUBLIC_URL": "https://yoake.example/"}).public_url == "https://yoake.example"
    assert read({"YOAKE_PUBLIC_URL": "http://localhost:8000"}).public_host == "localhost"
    assert read({}).public_url == ""
