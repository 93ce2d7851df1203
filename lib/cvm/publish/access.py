"""Who may see the dashboards: a password or a token, a proxy's sign-on, known host names."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections import deque
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path

from cvm.core.checks import ArgumentError, DataError

_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_SALT_BYTES = 16
LEAST_PASSWORD_CHARACTERS = 10
LEAST_TOKEN_CHARACTERS = 20


@dataclass(frozen=True, kw_only=True)
class Access:
    """How viewers are let in.

    Attributes:
        password_hash: Of :func:`hash_password`; empty without a password.
        token: A shared secret; empty without one.
        user_header: Header by which a proxy names the user it has signed on; requests without it
            are refused. Empty without a proxy's sign-on.
        public_hosts: Names by which viewers reach the server, besides those of this machine.
        behind_proxy: Whether a proxy of this machine stands in front and tells the scheme.
    """

    password_hash: str = ""
    token: str = ""
    user_header: str = ""
    public_hosts: tuple[str, ...] = ()
    behind_proxy: bool = False

    def __post_init__(self) -> None:
        if self.password_hash and not self.password_hash.startswith("scrypt$"):
            raise ArgumentError(
                "password_hash",
                "not a hash",
                "made by hash_password",
                action="write what `cvm hash-password` prints to the file",
            )
        if self.token and len(self.token) < LEAST_TOKEN_CHARACTERS:
            raise ArgumentError(
                "token", f"of {len(self.token)} characters", f"of {LEAST_TOKEN_CHARACTERS} or more"
            )

    @property
    def needs_login(self) -> bool:
        """Return whether a viewer must give a password or a token."""
        return bool(self.password_hash or self.token)

    @property
    def guarded(self) -> bool:
        """Return whether not everybody who reaches the server may see the dashboards."""
        return self.needs_login or bool(self.user_header)

    def lets_in(self, given: str) -> bool:
        """Return whether a viewer's words are the password or the token, in constant time."""
        fits = False
        if self.token:
            fits |= hmac.compare_digest(given.encode(), self.token.encode())
        if self.password_hash:
            fits |= verify_password(given, self.password_hash)
        return fits

    def knows_host(self, host: str) -> bool:
        """Return whether a request's Host names this server.

        Another name that leads to this machine (DNS rebinding) would let any page of the web read
        the dashboards through a viewer's browser.
        """
        name = _without_port(host)
        if name in ("localhost", *self.public_hosts):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        # An address cannot be rebound; but without a login only this machine's are meant.
        return address.is_loopback or self.guarded

    def to_json(self) -> str:
        """Return it as text, for the server's process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Access:
        """Return what :meth:`to_json` wrote."""
        kept = json.loads(text)
        return cls(**{**kept, "public_hosts": tuple(kept["public_hosts"])})


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def check_address(host: str, access: Access) -> None:
    """Refuse to listen beyond this machine without a password, a token or a proxy's sign-on.

    Raises:
        ArgumentError: Everybody in the network could read the dashboards.
    """
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside and not access.needs_login:
        raise ArgumentError(
            "host",
            host,
            "127.0.0.1 (or localhost) without a password or a token",
            action="give --password-file or --token-file, or put a proxy in front",
        )


def hash_password(password: str, *, salt: bytes | None = None) -> str:
    """Return a password's hash (scrypt), to be kept in a file.

    Raises:
        ArgumentError: It is too short.
    """
    if len(password) < LEAST_PASSWORD_CHARACTERS:
        raise ArgumentError(
            "password",
            f"of {len(password)} characters",
            f"of {LEAST_PASSWORD_CHARACTERS} characters or more",
        )
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    made = hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
    parts = [str(value) for value in _SCRYPT.values()]
    return "$".join(["scrypt", *parts, b64encode(salt).decode(), b64encode(made).decode()])


def verify_password(password: str, password_hash: str) -> bool:
    """Return whether a password has this hash."""
    try:
        _, n, r, p, salt, known = password_hash.split("$")
        wanted = b64decode(known)
        made = hashlib.scrypt(password.encode(), salt=b64decode(salt), n=int(n), r=int(r), p=int(p))
    except ValueError:
        return False
    return hmac.compare_digest(made, wanted)


def read_secret(path: str | Path, name: str) -> str:
    """Return the one line of a file that holds a password's hash or a token.

    Raises:
        DataError: It cannot be read, is empty, or everybody on this machine may read it.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8").strip()
        mode = file.stat().st_mode
    except OSError as error:
        raise DataError(name, str(path), f"a readable file ({error.strerror})") from error
    if not text or "\n" in text:
        raise DataError(name, str(path), "a file of one line")
    if mode & 0o077:
        raise DataError(
            name,
            str(path),
            "readable by its owner alone",
            action=f"chmod 600 {path}",
        )
    return text


@dataclass(eq=False)
class Attempts:
    """Failed logins of the last minute: a guesser is slowed, whatever address he comes from.

    Attributes:
        most: Failures a minute from one address, after which its next ones are not looked at.
        most_of_all: Failures a minute from all addresses together.
    """

    most: int = 5
    most_of_all: int = 60
    failed: deque[tuple[float, str]] = field(default_factory=deque)

    def allowed(self, address: str, now: float) -> bool:
        """Return whether another attempt from an address is looked at."""
        while self.failed and self.failed[0][0] < now - 60:
            self.failed.popleft()
        mine = sum(1 for _, who in self.failed if who == address)
        return mine < self.most and len(self.failed) < self.most_of_all

    def failed_at(self, address: str, now: float) -> None:
        """Remember a failure."""
        self.failed.append((now, address))
