"""A client on a terminal: waits for what it shows, types what a person would."""
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time

from lib_rows import Failed

TIMEOUT = 60
PROMPT = r"# (\x1b\[6n)?(\r/ # \x1b\[J)?$"  # busybox also asks the terminal where its cursor is


def talk(words, dialogue=(), code=0, size=None, **options):
    """WORDS on a terminal of SIZE: for each (PATTERN, ANSWER) waits for the one and types the other. Returns all output."""
    master, slave = os.openpty()
    if size:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **options)
    os.close(slave)
    seen, steps, deadline = "", list(dialogue), time.monotonic() + TIMEOUT
    shown = " ".join(map(str, words[-8:]))
    try:
        while time.monotonic() < deadline:
            if steps and re.search(steps[0][0], seen):
                os.write(master, steps.pop(0)[1].encode())
                time.sleep(0.1)  # podman sees detach keys only one at a time
            if select.select([master], [], [], 0.2)[0]:
                try:
                    data = os.read(master, 4096)
                except OSError:
                    data = b""
                if not data:
                    break
                seen += data.decode(errors="replace")
            elif process.poll() is not None:
                break
        if process.wait(timeout=10) != code:
            raise Failed(f"on a terminal: {shown}: exit {process.returncode}, expected {code}; seen {seen[-400:]!r}")
        if steps:
            raise Failed(f"on a terminal: no {steps[0][0]!r} in {seen[-400:]!r}")
    except subprocess.TimeoutExpired:
        raise Failed(f"on a terminal: {shown}: no end; seen {seen[-400:]!r}") from None
    finally:
        process.kill()
        os.close(master)
    return seen
