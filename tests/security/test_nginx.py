"""The documented nginx in front of the real server: TLS, sign-on, base path, nothing slips past."""

import base64
import http.client
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from cvm.publish.access import Access
from cvm.publish.serve import running
from security.served import ask, free_port, make_place

CONFIG = Path(__file__).parents[2] / "docs" / "nginx.conf"
PAGE = "/cvm/voila/render/overview.ipynb"
NGINX, OPENSSL = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin"), shutil.which("openssl")

pytestmark = pytest.mark.skipif(
    not (NGINX and OPENSSL), reason="nginx or openssl is not installed (Debian: nginx-light)"
)


def openssl(*words):
    done = subprocess.run([OPENSSL, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """The server, nginx's port, and a client that trusts its certificate."""
    place = make_place(tmp_path_factory.mktemp("proxied"))
    front, back = free_port(), free_port()
    crt, key, users = (place / f"cvm.{name}" for name in ("crt", "key", "users"))
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key),
        "-out", str(crt), "-subj", "/CN=cvm.example.cn",
        "-addext", "subjectAltName=DNS:cvm.example.cn",
    )  # fmt: skip
    users.write_text(f"li:{openssl('passwd', '-apr1', 'a password of li')}\n")
    text = CONFIG.read_text(encoding="utf-8")
    for said, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{front} ssl",
        "/etc/nginx/cvm.crt": crt,
        "/etc/nginx/cvm.key": key,
        "/etc/nginx/cvm.users": users,
        "127.0.0.1:8866": f"127.0.0.1:{back}",
    }.items():
        assert said in text
        text = text.replace(said, str(here))
    folders = "".join(
        f"{name}_temp_path {place}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = place / "nginx.conf"
    config.write_text(
        f"daemon off; pid {place}/nginx.pid; error_log {place}/error.log;\n"
        f"user root;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{text}\n}}\n"
    )
    access = Access(
        user_header="X-Remote-User", public_hosts=("cvm.example.cn",), behind_proxy=True
    )
    nginx = subprocess.Popen([NGINX, "-c", str(config), "-p", str(place)])
    try:
        with running(
            place / "published",
            dashboards=place / "boards",
            port=back,
            base_url="/cvm/",
            access=access,
        ) as server:
            context = ssl.create_default_context(cafile=str(crt))
            yield server, front, context
    finally:
        nginx.terminate()
        nginx.wait(10)


def through(proxied, path, *, user="li", password="a password of li", **headers):
    """Ask through nginx as a browser would."""
    _, front, context = proxied
    connection = http.client.HTTPSConnection("127.0.0.1", front, context=context, timeout=30)
    connection._context.check_hostname = False  # the address is this machine's, the name is not
    if user:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    try:
        connection.request("GET", path, headers={"Host": "cvm.example.cn", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    finally:
        connection.close()


def test_a_signed_on_viewer_sees_the_page_below_the_base_path(proxied):
    until = time.monotonic() + 30
    while through(proxied, PAGE)[0] == 502 and time.monotonic() < until:
        time.sleep(0.1)

    status, page, headers = through(proxied, PAGE)

    assert (status, "figures" in page) == (200, True)
    assert headers["Strict-Transport-Security"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    listed = through(proxied, "/cvm/")[1]
    assert f'href="{PAGE}?lang=' in listed
    assert through(proxied, "/cvm/cvm/static/chrome.css")[0] == 200


def test_nobody_else_does(proxied):
    assert through(proxied, PAGE, user="")[0] == 401
    assert through(proxied, PAGE, password="wrong")[0] == 401
    # A header made up by the viewer is overwritten by nginx, and refused without it.
    assert through(proxied, PAGE, user="", **{"X-Remote-User": "li"})[0] == 401
    server = proxied[0]
    assert ask(server, PAGE)[0] == 403


def test_what_is_not_the_dashboards_is_not_reachable(proxied):
    for path in ("/", "/cvm/api/kernels", "/cvm/voila/files/.env", "/cvm/../secret.txt"):
        assert through(proxied, path)[0] in (400, 403, 404)
