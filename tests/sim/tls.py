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
        self.certificate = self._builder(self.name, self.key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
            self.key, hashes.SHA256())
        self.bundle_path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, names=NAMES, addresses=("127.0.0.1",), days=(-1, 2)):
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.DNSName(n) for n in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        builder = self._builder(_name("local AWS"), key.public_key(), days)
        certificate = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False).sign(
            self.key, hashes.SHA256())
        chain = self.folder / "server.pem"
        chain.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _builder(self, subject, public_key, days=(-1, 2)):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now + datetime.timedelta(days=days[0]))
                .not_valid_after(now + datetime.timedelta(days=days[1])))


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
