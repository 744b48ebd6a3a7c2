# SPDX-License-Identifier: Apache-2.0
"""The shipped binary on a terminal of so many columns."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios

from .function import bootstrap_command


def _read_all(terminal):
    text = b""
    try:
        while block := os.read(terminal, 65536):
            text += block
    except OSError:  # how a terminal says that nobody writes any more
        pass
    return text.decode()


def on_terminal(*arguments, environment, columns=0, interrupt_after=None, stdout=None):
    """Exit code and what the terminal gets; `stdout`: a file in its place, for standard output."""
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*bootstrap_command(), *map(str, arguments)],
                               stdin=subprocess.DEVNULL, stdout=stdout or other, stderr=other,
                               env={"TERM": "xterm", **environment})
    os.close(other)
    if interrupt_after:
        interrupt_after()
        process.send_signal(signal.SIGINT)
    text = _read_all(terminal)
    os.close(terminal)
    return process.wait(60), text


def lines_left(text):
    """The lines that stay on the screen, without colours: a bar is drawn over."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r\n", "\n"))
    return [re.split(r"\r|\x1b\[K", line)[-1] for line in plain.split("\n")]
