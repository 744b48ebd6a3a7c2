#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""zip.py ARCHIVE NAME=FILE...: a zip that depends on nothing but the bytes of the files.

Lambda needs the executable at the root with mode 0755; time stamps, owners and the umask of the
machine are left out.
"""
import sys
import zipfile


def add(archive, name, path):
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix: the mode below counts
    entry.external_attr = (0o100755) << 16
    with open(path, "rb") as file:
        archive.writestr(entry, file.read(), compresslevel=9)


def main():
    with zipfile.ZipFile(sys.argv[1], "w") as archive:
        for argument in sys.argv[2:]:
            name, path = argument.split("=", 1)
            add(archive, name, path)


main()
