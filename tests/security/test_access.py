"""Who is let in: passwords, tokens, a proxy's sign-on, host names, and how guessing is slowed."""

import hashlib
import os
import re
from base64 import b64encode
from urllib.parse import urlencode

import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.publish.access import (
    Access,
    Attempts,
    check_address,
    hash_password,
    read_secret,
    verify_password,
)
from cvm.publish.serve import running, start
from security.served import ask, free_port, make_place

PAGE = "/voila/render/overview.ipynb"
PASSWORD = "correct horse 电池"
TOKEN = "a-token-of-more-than-twenty-characters"


def test_a_hash_is_scrypt_of_the_password_and_its_salt():
    salt = bytes(range(16))
    known = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=16_384, r=8, p=1)

    made = hash_password(PASSWORD, salt=salt)

    assert made == f"scrypt$16384$8$1${b64encode(salt).decode()}${b64encode(known).decode()}"
    assert verify_password(PASSWORD, made)
    assert not verify_password(PASSWORD + " ", made)
    assert not verify_password(PASSWORD, "scrypt$broken")
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


@pytest.mark.parametrize("weak", ["", "short", "123456789"])
def test_a_short_password_is_refused(weak):
    with pytest.raises(ArgumentError, match="10 characters or more"):
        hash_password(weak)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "cvm.example.cn"])
def test_beyond_this_machine_a_login_is_needed(host):
    with pytest.raises(ArgumentError, match="--password-file"):
        check_address(host, Access())
    check_address(host, Access(token=TOKEN))


def test_without_a_login_the_server_does_not_start_for_the_network(tmp_path):
    place = make_place(tmp_path)

    with pytest.raises(ArgumentError, match="without a password or a token"):
        start(place / "published", dashboards=place / "boards", host="0.0.0.0", port=free_port())


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8866", True),
        ("127.0.0.1:8866", True),
        ("[::1]:8866", True),
        ("cvm.example.cn", True),
        ("CVM.example.cn:443", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.5", False),
        ("", False),
    ],
)
def test_only_names_of_this_server_are_known(host, known):
    assert Access(public_hosts=("cvm.example.cn",)).knows_host(host) is known


def test_a_secret_others_may_read_is_refused(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    if os.name == "posix":
        with pytest.raises(DataError, match="chmod 600"):
            read_secret(file, "token_file")
    file.chmod(0o600)
    assert read_secret(file, "token_file") == TOKEN
    file.write_text("")
    with pytest.raises(DataError, match="one line"):
        read_secret(file, "token_file")


def test_guessing_is_slowed_for_one_address_and_for_all():
    attempts = Attempts(most=3, most_of_all=5)
    for _ in range(3):
        assert attempts.allowed("a", 100.0)
        attempts.failed_at("a", 100.0)

    assert not attempts.allowed("a", 101.0)
    assert attempts.allowed("b", 101.0)
    attempts.failed_at("b", 101.0)
    attempts.failed_at("c", 101.0)
    assert not attempts.allowed("d", 102.0)
    assert attempts.allowed("a", 161.5)


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("locked"))
    access = Access(password_hash=hash_password(PASSWORD), token=TOKEN)
    with running(
        place / "published",
        dashboards=place / "boards",
        port=free_port(),
        base_url="/cvm/",
        access=access,
    ) as server:
        yield server


def log_in(server, secret, **headers):
    body = urlencode({"secret": secret, "next": f"/cvm{PAGE}"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return ask(server, "/cvm/login", method="POST", body=body, headers=headers)


def test_figures_are_behind_the_login_and_nothing_else_says_them(locked):
    file = f"/cvm/cvm/files/{'0' * 64}.svg"
    for path in ("/cvm/", f"/cvm{PAGE}", "/cvm/cvm/font.woff2", file):
        status, page, headers = ask(locked, path)
        assert status == 302
        assert headers["Location"].startswith("/cvm/login?next=")
        assert "figures" not in page
    assert ask(locked, "/cvm/cvm/alive")[1] == '{"alive": true, "stamp": null}'
    page = ask(locked, "/cvm/login")[1]
    assert "密码或令牌" in page
    assert "Password or token" in page


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_the_password_or_the_token_opens(locked, secret):
    status, _, headers = log_in(locked, secret)

    assert status == 302
    assert headers["Location"] == f"/cvm{PAGE}"
    cookie = headers["Set-Cookie"]
    assert re.search(r"HttpOnly.*SameSite=Strict|SameSite=Strict.*HttpOnly", cookie)
    assert "Path=/cvm/" in cookie
    assert secret not in cookie
    kept = cookie.split(";")[0]
    assert "figures" in ask(locked, f"/cvm{PAGE}", headers={"Cookie": kept})[1]
    forged = kept[:-4] + "0000"
    assert ask(locked, f"/cvm{PAGE}", headers={"Cookie": forged})[0] == 302


def test_a_form_on_another_site_cannot_log_in(locked):
    assert log_in(locked, PASSWORD, Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example/x", "http://evil.example", "/elsewhere", "/cvm/\\evil", "javascript:1"],
)
def test_the_login_leads_nowhere_else(locked, wanted):
    body = urlencode({"secret": PASSWORD, "next": wanted})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, answer = ask(locked, "/cvm/login", method="POST", body=body, headers=headers)

    assert (status, answer["Location"]) == (302, "/cvm/")


def test_a_made_up_warming_header_opens_nothing(locked):
    told = ask(locked, "/cvm/cvm/alive")[2]["X-CVM-Server"]
    for value in ("", "x", told):
        assert ask(locked, f"/cvm{PAGE}", headers={"X-CVM-Warming": value})[0] == 302


def test_after_five_wrong_passwords_the_next_is_not_looked_at(locked):
    answers = [log_in(locked, f"wrong password {at}") for at in range(6)]

    assert [status for status, _, _ in answers] == [401] * 5 + [429]
    assert "密码不正确" in answers[0][1]
    assert log_in(locked, PASSWORD)[0] == 429
    assert answers[5][2]["Retry-After"] == "60"


def test_a_proxys_sign_on_is_asked_for(tmp_path):
    place = make_place(tmp_path)
    access = Access(user_header="X-Remote-User", public_hosts=("cvm.example.cn",))
    with running(
        place / "published", dashboards=place / "boards", port=free_port(), access=access
    ) as server:
        assert ask(server, PAGE)[0] == 403
        signed_on = {"X-Remote-User": "li", "Host": "cvm.example.cn"}
        assert "figures" in ask(server, PAGE, headers=signed_on)[1]
