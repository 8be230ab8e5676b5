"""nginx in front of servers, with `deploy/nginx.conf` itself and a certificate of its own."""

import asyncio
import re
import socket
import ssl
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.clients.javascript import ROOT
from tests.deploy.nginx import nginx
from tests.server import Address, eventually

CONFIGURATION: Final = ROOT / "deploy" / "nginx.conf"

# One process, as whoever runs the tests; everything that it writes is in the folder of the test.
MAIN: Final = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log notice;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # Where its package would log: there is no such folder where it is only unpacked.
    access_log off;
    include {folder}/pipeloom.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy(Address):
    """A running nginx. Its URL is https; whoever trusts `certificate` trusts it."""

    certificate: Path
    plain_port: int
    log: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        """What a client needs that is to trust it."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def http(self, path: str) -> str:
        """See `Address.http`."""
        return f"https://127.0.0.1:{self.port}{path}"

    @property
    def rooms(self) -> str:
        """See `Address.rooms`."""
        return f"wss://127.0.0.1:{self.port}/ws"

    @property
    def collab(self) -> str:
        """See `Address.collab`."""
        return f"wss://127.0.0.1:{self.port}/collab"


@asynccontextmanager
async def in_front_of(ports: Collection[int], folder: Path) -> AsyncIterator[Proxy]:
    """Run nginx in front of servers at these ports while the block runs."""
    proxy = configured(ports, folder)
    command = nginx(), "-p", str(folder), "-e", str(folder / "error.log"), "-c"
    process = await asyncio.create_subprocess_exec(
        *command, str(folder / "nginx.conf"), stdin=DEVNULL, stdout=DEVNULL, stderr=STDOUT
    )

    try:
        await eventually("nginx that listens", lambda: listens(process, proxy))
        yield proxy
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listens(process: Process, proxy: Proxy) -> bool:
    assert process.returncode is None, proxy.log.with_name("error.log").read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", proxy.port)) == 0


def configured(ports: Collection[int], folder: Path) -> Proxy:
    """Write what nginx reads into a new folder."""
    folder.mkdir()
    url = f"https://127.0.0.1:{free_port()}/"
    proxy = Proxy(url, make_certificate(folder), free_port(), folder / "log")
    (folder / "pipeloom.conf").write_text(adapted(ports, proxy, folder))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    return proxy


def adapted(ports: Collection[int], proxy: Proxy, folder: Path) -> str:
    """The file for people, with the addresses and files of the test and no other change."""
    text = CONFIGURATION.read_text()
    servers = re.findall(r" +server 127\.0\.0\.1:\d+ .*;\n", text)
    options = servers[0].partition(":")[2].partition(" ")[2]
    ours = "".join(f"    server 127.0.0.1:{port} {options}" for port in ports)
    for old, new in (
        ("".join(servers), ours),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{proxy.port} ssl http2;"),
        ("listen 80;", f"listen 127.0.0.1:{proxy.plain_port};"),
        ("/etc/ssl/pipeloom/fullchain.pem", str(proxy.certificate)),
        ("/etc/ssl/pipeloom/privkey.pem", str(folder / "key.pem")),
        ("/var/log/nginx/pipeloom.log", str(proxy.log)),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def make_certificate(folder: Path) -> Path:
    """Make a certificate of this machine that signs itself, and its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "certificate.pem"


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
