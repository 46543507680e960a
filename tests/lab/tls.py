"""A certificate authority for tests, its certificates, and a proxy for TLS connections."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.raw_server import accepting

DAY = timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip


class Authority:
    """A certificate authority; `file` has its root certificate in PEM format."""

    def __init__(self, directory: Path, name: str = "Test Root") -> None:
        self._directory = directory
        self._common_name = name
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = directory / f"{name.replace(' ', '-')}.pem"
        root = (
            _builder(self._name, self._name, self._key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .add_extension(self._key_identifier(), critical=False)
        )
        signed = root.sign(self._key, hashes.SHA256())
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    @property
    def hashed_name(self) -> str:
        """The file name of the root certificate in a directory of OpenSSL (openssl-rehash).

        It is the SHA-1 of the name in lower case, encoded with DER (X509_NAME_hash).
        """
        text = self._common_name.lower().encode()
        attribute = b"\x06\x03\x55\x04\x03\x0c" + bytes([len(text)]) + text
        sequence = b"\x30" + bytes([len(attribute)]) + attribute
        encoded = b"\x31" + bytes([len(sequence)]) + sequence
        digest = hashlib.sha1(encoded, usedforsecurity=False).digest()
        return f"{int.from_bytes(digest[:4], 'little'):08x}.0"

    def server(
        self, host: str = "localhost", *, lifetime: timedelta = DAY, signed: bool = True
    ) -> ssl.SSLContext:
        """Return the context of a server for a host; a negative lifetime is an expired certificate.

        `signed` is whether the authority signs the certificate; otherwise it is self-signed.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(host)
        issuer = self._name if signed else subject
        builder = _builder(subject, issuer, key, lifetime).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        if signed:
            # Python 3.13 requires it (ssl.VERIFY_X509_STRICT).
            identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                self._key_identifier()
            )
            builder = builder.add_extension(identifier, critical=False)
        certificate = builder.sign(self._key if signed else key, hashes.SHA256())
        file = self._directory / f"{certificate.serial_number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _key_identifier(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * DAY)
        .not_valid_after(now + lifetime)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def counted(
    context: ssl.SSLContext, connections: list[int]
) -> Callable[[socket.socket], socket.socket]:
    """Return a function that starts TLS on a connection of a server, and counts the connections."""

    def wrap(connection: socket.socket) -> socket.socket:
        connections.append(len(connections))
        return context.wrap_socket(connection, server_side=True)

    return wrap


@contextmanager
def connect_proxy() -> Iterator[tuple[int, list[str]]]:
    """An HTTP proxy with the method CONNECT; yields its port and the list of the targets."""
    targets: list[str] = []
    threads: list[threading.Thread] = []

    def tunnel(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65536) or b"\r\n\r\n"
            method, target = request.decode("latin-1").split(" ")[:2]
            assert method == "CONNECT", request
            targets.append(target)
            host, _, port = target.partition(":")
            with socket.create_connection((host, int(port)), timeout=10) as server:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_relay, args=(server, connection))
                back.start()
                _relay(connection, server)
                back.join()

    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        threads.append(threading.Thread(target=tunnel, args=(connection,)))
        threads[-1].start()

    try:
        with accepting(serve) as port:
            yield port, targets
    finally:
        for thread in threads:
            thread.join()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
