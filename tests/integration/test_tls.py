# SPDX-License-Identifier: Apache-2.0
"""The TLS of the shipped binary against servers that should not be believed, or cost too much to
refuse. tests/unit/test_tls_trust.c has the rest, with the machine's own OpenSSL."""

import contextlib
import datetime
import socket
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sim import events
from sim.aws import LocalAws
from sim.tls import TestCa
from test_aws_faults import prepared

EVENT = "config-change.monitor-owner"


def weak_key():
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture
def serve():
    """serve(context) is an AWS behind that TLS."""
    running = []

    def start_server(context):
        running.append(LocalAws(tls=context))
        return running[-1]

    yield start_server
    for aws in running:
        aws.stop()


def invoke(start, aws, bundle, **environment):
    event = prepared(aws, EVENT)
    return start(aws=aws, AWS_CA_BUNDLE=str(bundle), **environment).invoke(event)


# Costs of a certificate that nobody trusts

def certificate_of_many_crl_points(key, bytes_wanted):
    """Half of it is a long name of the issuer, the other half places of CRLs relative to it: each
    of them needs the whole name, if somebody puts it together."""
    count = bytes_wanted // 2 // 13  # bytes of DER for one attribute of the name; a point has 16
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{i % 100:02}")
                        for i in range(count)])
    point = x509.DistributionPoint(
        full_name=None, reasons=None, crl_issuer=None,
        relative_name=x509.RelativeDistinguishedName(
            [x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().issuer_name(issuer)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local AWS")]))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.CRLDistributionPoints([point] * (count * 13 // 16)), critical=False)
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))


class CertificateSender:
    """Answers each TLS client with that certificate, as TLS 1.2 has it: in the clear, so that no
    library has to take the certificate for its own first, and pay for it."""

    TLS_1_2 = b"\x03\x03"
    ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = b"\xc0\x2b"
    SECURE_RENEGOTIATION = b"\xff\x01\x00\x01\x00"
    RECORD_BYTES_MAX = 16384
    SERVER_HELLO, CERTIFICATE = 2, 11

    def __init__(self, certificate):
        der = certificate.public_bytes(Encoding.DER)
        hello = (self.TLS_1_2 + bytes(32) + b"\0" + self.ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                 + b"\0" + self._sized(self.SECURE_RENEGOTIATION, 2))
        self.answer = b"".join(
            b"\x16" + self.TLS_1_2 + self._sized(part, 2)
            for kind, body in [(self.SERVER_HELLO, hello),
                               (self.CERTIFICATE, self._sized(self._sized(der, 3), 3))]
            for part in self._parts(bytes([kind]) + self._sized(body, 3)))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    @staticmethod
    def _sized(content, length_bytes):
        return len(content).to_bytes(length_bytes, "big") + content

    def _parts(self, message):
        return [message[i:i + self.RECORD_BYTES_MAX]
                for i in range(0, len(message), self.RECORD_BYTES_MAX)]

    def _run(self):
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(self.answer)
                    connection.recv(65536)  # the client's alert


def peak_kib(function):
    status = Path(f"/proc/{function.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def processor_ms(function):
    """Of all its threads that still run, from their start."""
    tasks = Path(f"/proc/{function.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e6


@pytest.mark.native("promises time and memory")
@pytest.mark.plain("promises time and memory")
@pytest.mark.parametrize("kilobytes, problem", [
    (14, "unable to get local issuer certificate"), (23, "unable to get local issuer certificate"),
    (28, "excessive message size")], ids=["14_kb", "23_kb", "28_kb"])
def test_untrusted_certificate_of_many_crl_points_is_refused_cheaply(
        kilobytes, problem, start, tmp_path):
    """CVE-2026-35189: 45 MB of memory for 14 KB, 167 MB and two seconds for 28 KB."""
    certificate = certificate_of_many_crl_points(
        ec.generate_private_key(ec.SECP256R1()), kilobytes * 1000)
    size = len(certificate.public_bytes(Encoding.DER))
    assert kilobytes * 950 <= size <= kilobytes * 1050
    server = CertificateSender(certificate)
    function = start(aws=server, AWS_CA_BUNDLE=str(TestCa(tmp_path).bundle_path),
                     AWS_MAX_ATTEMPTS="1", WARM_UP="off")
    outcome = function.invoke(events.load(EVENT))
    server.listener.close()
    assert outcome.kind == "error"
    assert problem in outcome.json()["errorMessage"]
    assert peak_kib(function) <= 32 * 1024
    assert processor_ms(function) <= 100


# Keys that are too weak

@pytest.mark.parametrize("weak", ["server", "authority"])
def test_a_chain_with_an_rsa_1024_key_is_refused(weak, start, serve, tmp_path):
    keys = {"server": ec.generate_private_key(ec.SECP256R1()),
            "authority": ec.generate_private_key(ec.SECP256R1()), weak: weak_key()}
    root = TestCa(tmp_path)
    aws = serve(root.server_context(key=keys["server"], intermediate_key=keys["authority"]))
    outcome = invoke(start, aws, root.bundle_path)
    assert outcome.kind == "error"
    assert "certificate" in outcome.json()["errorMessage"]
    assert aws.calls == []


def test_a_chain_of_the_same_shape_with_strong_keys_is_believed(start, serve, tmp_path):
    root = TestCa(tmp_path)
    aws = serve(root.server_context(key=rsa.generate_private_key(65537, 2048),
                                    intermediate_key=ec.generate_private_key(ec.SECP256R1())))
    outcome = invoke(start, aws, root.bundle_path)
    assert outcome.kind == "response"
    assert aws.calls != []


# Keys of sessions

def test_no_key_of_a_session_is_written_to_a_file(start, serve, tmp_path):
    ca = TestCa(tmp_path)
    aws = serve(ca.server_context())
    key_log = tmp_path / "keys"
    outcome = invoke(start, aws, ca.bundle_path, SSLKEYLOGFILE=str(key_log))
    assert outcome.kind == "response"
    assert not key_log.exists()
