#!/usr/bin/env python3
"""A caller with a terminal, for terminal.sh: runs a command on a pty of its own and plays the user; or is an engine that
takes the master of a container's terminal from a console socket. Prints what it saw; exits with the command's code."""
import array
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import time

LIMIT = 30  # seconds for anything


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read_until(fd, text, seen):
    deadline = time.monotonic() + LIMIT
    while text not in seen:
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            sys.exit("no %r within %d s; seen: %r" % (text, LIMIT, seen))
        try:
            got = os.read(fd, 65536)
        except OSError:
            got = b""
        if not got:
            break
        seen += got
    return seen


def on_pty(script, command):
    """script: 'await TEXT', 'type TEXT', 'resize ROWS COLUMNS', 'signal NAME', 'limit SECONDS' words, one act an argument."""
    master, peer = os.openpty()
    set_size(peer, 33, 77)
    before = termios.tcgetattr(peer)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(peer, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(peer, fd)
        os.closerange(3, 256)
        os.execvp(command[0], command)
    seen = b""
    for act in script:
        word, _, rest = act.partition(" ")
        text = rest.encode().decode("unicode_escape").encode("latin1")
        if word == "await":
            seen = read_until(master, text, seen)
        elif word == "type":
            os.write(master, text)
        elif word == "resize":
            set_size(master, *map(int, rest.split()))
        elif word == "signal":
            os.kill(child, getattr(signal, rest))
        elif word == "raw":
            flags = termios.tcgetattr(peer)[3]
            if flags & (termios.ICANON | termios.ECHO):
                sys.exit("the caller's terminal is not raw")
    deadline = time.monotonic() + LIMIT
    status = None
    while status is None:
        ready, _, _ = select.select([master], [], [], 0.05)
        if ready:
            seen += os.read(master, 65536)
            continue
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid:
            status = ended
        elif time.monotonic() > deadline:
            sys.exit("the command does not end; seen: %r" % seen)
    while select.select([master], [], [], 0)[0]:
        seen += os.read(master, 65536)
    sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n"))
    if termios.tcgetattr(peer) != before:
        print("CHANGED: the caller's terminal is not what it was")
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(status)


def console(path, started):
    """Listens at `path`, creates `started` for the caller to wait for, takes one master, prints its payload and output."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    listener.settimeout(LIMIT)
    open(started, "w").close()
    connection, _ = listener.accept()
    payload, control, flags, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
    fds = array.array("i")
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    print("payload %s, %d descriptor" % (payload.decode(), len(fds)), flush=True)
    if connection.recv(1) != b"":
        sys.exit("more than one message")
    seen = read_until(fds[0], b"ready", b"")
    os.write(fds[0], b"typed\n")
    seen = read_until(fds[0], b"end", seen)
    sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n"))
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "console":
        sys.exit(console(*sys.argv[2:4]))
    split = sys.argv.index("--")
    sys.exit(on_pty(sys.argv[2:split], sys.argv[split + 1 :]))
