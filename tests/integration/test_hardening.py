# SPDX-License-Identifier: Apache-2.0
"""What keeps a memory error from becoming more than a crash: read from the shipped files of both
architectures, and tried on a program that is built with the same flags.

docs/build.md has the reasons and figures.
"""

import os
import platform
import re
import shlex
import shutil
import signal
import struct
import subprocess
from collections import namedtuple

import pytest

from sim.stack import ROOT

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK, PT_GNU_RELRO = (
    1, 2, 3, 7, 0x6474e551, 0x6474e552)
ET_EXEC = 2
X, W, R = 1, 2, 4
SHT_SYMTAB, SHF_EXECINSTR = 2, 4
HOST = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
MACHINES = {"x86_64": 62, "arm64": 183}
PAGES = {"x86_64": 0x1000, "arm64": 0x10000}  # the largest that a kernel may have
EMULATORS = {"arm64": "qemu-aarch64-static", "x86_64": "qemu-x86_64-static"}
PACIASP = 0xd503233f

Segment = namedtuple("Segment", "type flags offset address file_bytes memory_bytes")
Section = namedtuple("Section", "name type flags address offset bytes link")


class Elf:
    """A 64-bit little-endian ELF file, as far as these tests need it."""

    def __init__(self, path):
        self.image = path.read_bytes()
        assert self.image[:6] == b"\x7fELF\x02\x01"
        self.type, self.machine = struct.unpack_from("<HH", self.image, 16)
        segments, sections = struct.unpack_from("<QQ", self.image, 32)
        _, count, _, section_count, names = struct.unpack_from("<HHHHH", self.image, 54)
        self.segments = [self._segment(segments + 56 * i) for i in range(count)]
        self.sections = self._sections(sections, section_count, names)

    def _segment(self, at):
        type_, flags, offset, address, _, file_bytes, memory_bytes, _ = struct.unpack_from(
            "<IIQQQQQQ", self.image, at)
        return Segment(type_, flags, offset, address, file_bytes, memory_bytes)

    def _sections(self, at, count, names):
        raw = [struct.unpack_from("<IIQQQQII", self.image, at + 64 * i) for i in range(count)]
        strings = raw[names][4]
        return {self._text(strings + name): Section(name, type_, flags, address, offset, size, link)
                for name, type_, flags, address, offset, size, link, _ in raw}

    def _text(self, at):
        return self.image[at:self.image.index(b"\0", at)].decode()

    def of_type(self, type_):
        return [each for each in self.segments if each.type == type_]

    def content(self, section):
        return self.image[section.offset:section.offset + section.bytes]

    def loaded(self):
        """What of the file gets into memory, but for the headers, which differ once stripped."""
        return [self.image[each.offset or 64:each.offset + each.file_bytes]
                for each in self.of_type(PT_LOAD)]

    def functions(self):
        """{name: (address, bytes)} from the symbol table."""
        table, = (each for each in self.sections.values() if each.type == SHT_SYMTAB)
        strings = self.sections[".strtab"].offset
        found = {}
        for name, info, _, _, address, size in struct.iter_unpack("<IBBHQQ", self.content(table)):
            if info & 15 == 2:
                found[self._text(strings + name)] = (address, size)
        return found


def built(architecture, name="bootstrap"):
    path = ROOT / "build/ship" / architecture / name
    if not path.is_file():
        if architecture == HOST:
            pytest.fail(f"{path} does not exist: build it first (make)")
        pytest.skip(f"not built: make ARCH={architecture} {path.relative_to(ROOT)}")
    return Elf(path)


@pytest.fixture(params=sorted(MACHINES))
def architecture(request):
    return request.param


@pytest.fixture
def elf(architecture):
    return built(architecture)


def test_binary_is_static_and_loads_nothing(elf, architecture):
    assert elf.machine == MACHINES[architecture]
    assert elf.type == ET_EXEC
    assert not elf.of_type(PT_INTERP) and not elf.of_type(PT_DYNAMIC)


def test_nothing_is_writable_and_executable(elf):
    assert elf.of_type(PT_LOAD)
    assert [each for each in elf.segments if each.flags & W and each.flags & X] == []


def test_stack_is_not_executable(elf):
    stack, = elf.of_type(PT_GNU_STACK)
    assert stack.flags == R | W


def test_threads_get_a_stack_of_a_megabyte(elf):
    """musl takes the size from this header, for each thread that names none."""
    stack, = elf.of_type(PT_GNU_STACK)
    assert stack.memory_bytes == 1 << 20


def test_only_code_is_executable(elf):
    text, = (each for each in elf.of_type(PT_LOAD) if each.flags & X)
    assert text.flags == R | X
    inside = {name for name, each in elf.sections.items() if each.bytes and each.address
              and text.address <= each.address < text.address + text.memory_bytes}
    assert ".text" in inside and ".rodata" not in inside
    assert all(elf.sections[name].flags & SHF_EXECINSTR for name in inside)


def test_tables_of_pointers_are_in_whole_read_only_pages(elf, architecture):
    """The kernel protects whole pages: what follows must not share one with them."""
    relro, = elf.of_type(PT_GNU_RELRO)
    end = relro.address + relro.memory_bytes
    assert end % PAGES[architecture] == 0
    # Only code that is position-independent has a .got.
    for name in {".init_array", ".fini_array", ".data.rel.ro"} | {".got"} & elf.sections.keys():
        section = elf.sections[name]
        assert relro.address <= section.address <= section.address + section.bytes <= end, name
    assert elf.sections[".data"].address >= end


# Code by its machine instructions

def call_targets(elf, architecture):
    """[(from, to)] of all direct calls: bytes that look like one in between do no harm here."""
    text = elf.sections[".text"]
    code = elf.content(text)
    if architecture == "arm64":
        for i, (word,) in enumerate(struct.iter_unpack("<I", code[:len(code) & ~3])):
            if word >> 26 == 0b100101:
                distance = (word & 0x3ffffff) - (1 << 26 if word & 0x2000000 else 0)
                yield text.address + 4 * i, text.address + 4 * (i + distance)
        return
    at = code.find(b"\xe8")
    while 0 <= at <= len(code) - 5:
        start = text.address + at
        yield start, start + 5 + struct.unpack_from("<i", code, at + 1)[0]
        at = code.find(b"\xe8", at + 1)


@pytest.fixture
def symbols(elf, architecture):
    """The same binary before its names were taken away."""
    found = built(architecture, "bootstrap.symbols")
    assert found.loaded() == elf.loaded()
    return found


# Ours, and one of each library that we compile: all have buffers on the stack.
PROTECTED = ["sigv4_sign", "set_trace_id", "Curl_http", "prov_tls13_hkdf_expand",
             "EVP_DigestSignFinal", "isal_inflate", "name_from_dns"]
PROTECTED_MIN = 1000
# What glibc's headers make of calls, and musl's do not.
FOR_GLIBC = re.compile(r"__(?!stack_chk)\w+_chk|__isoc(99|23)_\w+|__ctype_\w+_loc|_IO_\w+")


def test_functions_with_buffers_check_their_stack(symbols, architecture):
    functions = symbols.functions()
    fail, _ = functions["__stack_chk_fail"]
    callers = sorted(start for start, to in call_targets(symbols, architecture) if to == fail)
    assert len(callers) >= PROTECTED_MIN
    for name in PROTECTED:
        address, size = functions[name]
        assert any(address <= each < address + size for each in callers), name


def test_our_functions_sign_their_return_address_on_arm64():
    symbols = built("arm64", "bootstrap.symbols")
    text = symbols.sections[".text"]
    code = symbols.content(text)
    for name in "sigv4_sign", "app_handle", "json_parse", "runtime_run":
        address, size = symbols.functions()[name]
        start = address - text.address
        words = struct.unpack_from(f"<{size // 4}I", code, start)
        assert PACIASP in words, name


def test_nothing_in_it_was_built_for_glibc(symbols, architecture):
    """Objects of Debian's packages call what glibc alone has (__fprintf_chk, __isoc99_sscanf)."""
    checked = {name for name in symbols.functions() if name.endswith("_chk")}
    assert checked == set()
    archives = sorted((ROOT / "build/deps" / architecture / "lib").glob("*.a"))
    assert archives
    for archive in archives:
        listed = subprocess.run(["nm", "--undefined-only", archive], check=True, text=True,
                                capture_output=True).stdout.split()
        assert {name for name in listed if FOR_GLIBC.fullmatch(name)} == set(), archive.name


# The same flags, tried

def run_probe(architecture, what):
    """The exit status of tests/integration/hardening_probe.c."""
    target = f"build/test/{architecture}/hardening_probe"
    emulator = [] if architecture == HOST else [shutil.which(EMULATORS[architecture])]
    if emulator == [None]:
        pytest.skip(f"no {EMULATORS[architecture]} on this machine")
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "ARCH"))}
    made = subprocess.run(["make", f"ARCH={architecture}", target], cwd=ROOT, env=environment,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert made.returncode == 0, made.stderr
    return subprocess.run([*emulator, ROOT / target, what], capture_output=True).returncode


@pytest.mark.parametrize("what, is_killed", [
    ("nothing", False), ("smash", True), ("relro", True), ("code", True)],
    ids=["nothing", "a_smashed_stack", "a_constant_overwritten", "code_on_the_stack"])
def test_attack_kills_the_process(what, is_killed, elf, architecture):
    status = run_probe(architecture, what)
    assert status in (-11, -6) if is_killed else status == 0


HEAP_ATTACKS = ["link", "header", "sealed-header", "double-free", "double-free-unseen",
                "double-free-unseen-sealed", "wild-free", "wild-free-sealed"]


@pytest.mark.parametrize("what", HEAP_ATTACKS)
def test_heap_corruption_is_detected_before_it_has_an_effect(what, elf, architecture):
    assert run_probe(architecture, what) == -signal.SIGABRT


def test_freed_memory_is_given_back(elf, architecture):
    assert run_probe(architecture, "memory") == 0


@pytest.mark.native("the emulator's memory is not ours")
def test_running_process_maps_no_memory_writable_and_executable(start, bootstrap):
    function = start(WARM_UP="off")
    function.wait_until_idle()
    with open(f"/proc/{function.process.pid}/maps", encoding="ascii") as file:
        maps = [shlex.split(line) for line in file]
    relro, = Elf(bootstrap).of_type(PT_GNU_RELRO)
    end = relro.address + relro.memory_bytes
    protected = False
    for line in maps:
        permissions, name = line[1], line[5] if len(line) > 5 else ""
        assert not ("w" in permissions and "x" in permissions), line
        assert name != "[stack]" or permissions == "rw-p"
        low, high = (int(part, 16) for part in line[0].split("-"))
        if low < end and high > relro.address:
            assert permissions == "r--p", line
            protected = True
    assert protected
