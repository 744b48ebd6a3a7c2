#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fresh_root.py ROOT [NAME=VALUE...] [-- COMMAND]: carries out deploy/Dockerfile without a container
tool, then COMMAND.

Each step runs in a Debian 12 that has nothing but its smallest set of packages (debootstrap makes it
in ROOT), in namespaces of its own for mounts and processes. NAME=VALUE stands for --build-arg. The
files that the last stage takes lie in ROOT/output then. It needs root.
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
DOCKERFILE = HERE / "deploy/Dockerfile"


def instructions(text):
    """(word, rest) for each instruction, with its continued lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(None, 1)
        yield word.upper(), rest.strip()


def make_root(root):
    source = Path("/etc/apt/sources.list.d/debian.sources")
    mirror = re.search(r"^URIs: (\S+)", source.read_text(), re.M)[1]
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm",
                    root, mirror], check=True, stdout=subprocess.DEVNULL)
    (root / "etc/apt/sources.list").unlink()
    shutil.copy(source, root / "etc/apt/sources.list.d")
    shutil.copy("/etc/resolv.conf", root / "etc")
    # An authority that this machine trusts by itself, such as that of a company's proxy.
    own = "usr/local/share/ca-certificates"
    shutil.copytree(Path("/") / own, root / own, dirs_exist_ok=True)
    subprocess.run(["chroot", root, "update-ca-certificates"], check=True,
                   stdout=subprocess.DEVNULL)


class Build:
    def __init__(self, root, given):
        self.root, self.given = root, given
        self.arguments, self.folder, self.stage = {}, "/", 0

    def expand(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda found: self.arguments[found[1]], text)

    def do(self, word, rest):
        {"ARG": self.do_arg, "FROM": self.do_from, "WORKDIR": self.do_workdir,
         "RUN": self.do_run, "COPY": self.do_copy}[word](rest)

    def do_arg(self, rest):
        name, _, default = rest.partition("=")
        self.arguments[name] = self.given.get(name, default)

    def do_from(self, _):
        self.stage += 1

    def do_workdir(self, rest):
        self.folder = rest
        (self.root / rest.strip("/")).mkdir(parents=True, exist_ok=True)

    def do_run(self, rest):
        command = f"mount -t proc proc /proc && cd {self.folder} && {self.expand(rest)}"
        environment = {name: value for name, value in self.arguments.items() if value}
        subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", self.root,
                        "/bin/sh", "-c", command], check=True, stdin=subprocess.DEVNULL,
                       env=environment | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def do_copy(self, rest):
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            taken = self.root / sources[1].strip("/")
            shutil.copytree(taken, self.root / "output", dirs_exist_ok=True)
            return
        ignored = [line.removeprefix("**/")
                   for line in (HERE / ".dockerignore").read_text().splitlines()]
        folder = self.root / self.folder.strip("/") / target
        for source in (HERE / source for source in sources):
            if source.is_dir():
                shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True,
                                ignore=shutil.ignore_patterns(*ignored))
            else:
                shutil.copy(source, folder)


def main(root, *given):
    root = Path(root).resolve()
    make_root(root)
    end = given.index("--") if "--" in given else len(given)
    build = Build(root, dict(each.split("=", 1) for each in given[:end]))
    for word, rest in instructions(DOCKERFILE.read_text(encoding="utf-8")):
        print(f"{word} {rest}", flush=True)
        build.do(word, rest)
    if given[end + 1:]:
        build.do_run(" ".join(given[end + 1:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
