# SPDX-License-Identifier: Apache-2.0
"""A test CA and a server certificate, made anew for each run, for https:// to the local AWS."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ["localhost", "*.eu-west-1.amazonaws.com"]


class TestCa:
    """`bundle_path` is what AWS_CA_BUNDLE takes; `server_context()` is what a server takes."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    def __init__(self, folder):
        self.folder = Path(folder)
        self.bundle_path = self.folder / "test-ca.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name("desync-guard test CA")
        self.certificate = _authority(self.name, self.key, self.name, self.key)
        self.bundle_path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, names=NAMES, addresses=("127.0.0.1",), days=(-1, 2), key=None,
                       intermediate_key=None):
        """With `intermediate_key` an authority of that key stands between this one and the
        server's certificate."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer, issuer_key, more = self.name, self.key, []
        if intermediate_key:
            issuer, issuer_key = _name("desync-guard intermediate"), intermediate_key
            more = [_authority(issuer, intermediate_key, self.name, self.key)]
        alternatives = [x509.DNSName(n) for n in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        builder = _builder(_name("local AWS"), key, issuer, days)
        certificate = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False).sign(
            issuer_key, hashes.SHA256())
        return self.context_of(certificate, key, more)

    def context_of(self, certificate, key, more=()):
        """Any certificate at all: nothing of it is checked here."""
        chain = self.folder / "server.pem"
        chain.write_bytes(
            b"".join(each.public_bytes(serialization.Encoding.PEM)
                     for each in [certificate, *more])
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.load_cert_chain(chain)
        return context


def _builder(subject, key, issuer, days=(-1, 2)):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1])))


def _authority(name, key, issuer, issuer_key):
    return _builder(name, key, issuer).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        issuer_key, hashes.SHA256())


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
