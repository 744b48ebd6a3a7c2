#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""archive.py ARCHIVE NAME=FILE...: a .zip or .tar.gz that depends on nothing but the files' bytes.

Time stamps, owners, the order of the arguments and the umask of the machine are left out. A file
that can be executed has mode 0755, as Lambda needs it; any other has 0644.
"""
import gzip
import io
import os
import sys
import tarfile
import zipfile

LONG_AGO = 315532800  # 1980-01-01, the first day that a zip knows


def write_zip(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, content in entries:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the mode below counts
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content, compresslevel=9)


def write_tar(path, entries):
    with open(path, "wb") as file, \
            gzip.GzipFile("", "wb", 9, file, mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, mode, content in entries:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size, entry.mtime = mode, len(content), LONG_AGO
            archive.addfile(entry, io.BytesIO(content))


def read(argument):
    name, path = argument.split("=", 1)
    with open(path, "rb") as file:
        return name, 0o755 if os.access(path, os.X_OK) else 0o644, file.read()


def main(path, *arguments):
    write = write_zip if path.endswith(".zip") else write_tar
    write(path, sorted(map(read, arguments)))


main(*sys.argv[1:])
