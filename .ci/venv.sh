#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# venv.sh REQUIREMENTS VENV COMMAND: makes COMMAND a Python with exactly those requirements: a
# virtual environment or, where the package index cannot be reached, a python3 of this machine that
# has them already.
set -eu

requirements=$1 venv=$2 command=$3

# Two runs of make at once must not build it into each other.
mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9

stamp=$(sha256sum <"$requirements" | cut -d' ' -f1)
if [ "$(cat "$venv/stamp" 2>/dev/null)" = "$stamp" ] && [ -x "$command" ]; then
    touch "$command"
    exit 0
fi

write_command() { # write_command PYTHON
    cat >"$command.new" <<WRAPPER
#!/bin/sh
PYTHONDONTWRITEBYTECODE=1 exec $1 "\$@"
WRAPPER
    chmod +x "$command.new"
    mv "$command.new" "$command"
}

# True when that Python has each direct requirement (the first part of the file) in that version.
has_requirements() {
    "$1" - "$requirements" <<'PYTHON' 2>/dev/null
import re
import sys
from importlib import metadata

for line in open(sys.argv[1]):
    if line.startswith("# What"):
        break
    wanted = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", line)
    if wanted and metadata.version(wanted[1]) != wanted[2]:
        sys.exit(1)
PYTHON
}

python=/usr/bin/python3
[ -x "$python" ] || python=python3
mkdir -p "$(dirname "$venv")"
rm -rf "$venv"
"$python" -m venv "$venv"
echo "venv: installing $requirements"
if "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --prefer-binary \
    --require-hashes --requirement "$requirements" >"$venv/log" 2>&1; then
    write_command "$(cd "$venv" && pwd)/bin/python"
    echo "$stamp" >"$venv/stamp"
    exit 0
fi

tail -n 3 "$venv/log" >&2
candidate=$(command -v python3)
if has_requirements "$candidate"; then
    echo "venv: the package index cannot be reached; using $candidate, which has the requirements"
    write_command "$candidate"
    exit 0
fi
echo "venv: cannot install $requirements, and $candidate does not have it either" >&2
exit 1
