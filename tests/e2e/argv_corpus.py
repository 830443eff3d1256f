#!/usr/bin/env python3
"""Replays how clients call a runtime (tests/data/argv/corpus.txt): argv, environment, descriptors, directory; and checks
what they look at afterwards. No client is needed. argv_corpus.py [--runtime PROGRAM] [--only REGEX] [--strict]"""
import argparse
import array
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import lib_podman
import lib_private
import lib_rows
from lib_rows import Failed, Row, until

# Scenarios that casemate does not pass: pattern and reason.
NOT_YET = {}
CALL = re.compile(r"\[(\d+)\] (.*?) ?\|(.*)$")
KEEP = ["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"]  # outlives the signals of the corpus


def scenarios(path):
    for paragraph in re.split(r"\n\n+", path.read_text()):
        lines = [line for line in paragraph.splitlines() if line and not line.startswith("#")]
        if lines:
            yield lines[0].removeprefix("== "), lines[1:]


class Listener:
    """A unix socket that takes one message with one descriptor, as conmon and go-runc do."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(path))
        self.socket.listen()
        self.received = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                data, ancillary, _, _ = connection.recvmsg(4096, 256)
                descriptors = array.array("i")
                for _, _, content in ancillary:
                    descriptors.frombytes(content)
                self.received.append((data, list(descriptors)))

    def one(self):
        until(lambda: len(self.received), 1)
        data, descriptors = self.received.pop()
        if not 1 <= len(data) < 4096 or len(descriptors) != 1:
            raise Failed(f"{len(data)} bytes and {len(descriptors)} descriptors")
        return descriptors[0]


class Scenario:
    def __init__(self, scratch, runtime, number):
        self.runtime, self.id = runtime, f"corpus-{number}"
        self.directory = scratch / f"scenario-{number}"
        self.directory.mkdir()
        self.environment, self.cwd, self.stdin = {"PATH": "/usr/bin:/bin"}, "/", ""
        self.fds, self.stray = 0, None
        self.words = {"id": self.id, "bundle": str(self.directory), "root": str(self.directory / "root"), "pidfile": str(self.directory / "pid"),
                      "log": str(self.directory / "log.json"), "resources": str(self.directory / "resources.json"),
                      "console": str(self.directory / "console.sock"), "pidfd": str(self.directory / "pidfd.sock"),
                      "process": str(self.directory / "process.json"), "process-tty": str(self.directory / "process-tty.json")}
        self.rooted, self.held, self.done = [], [], None
        self.process = {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": KEEP, "env": ["PATH=/bin", "TERM=xterm"], "cwd": "/",
                        "capabilities": {name: ["CAP_KILL"] for name in ("bounding", "effective", "permitted")}}
        self.config = {
            "ociVersion": "1.0.2", "process": self.process, "root": {"path": str(scratch / "rootfs")}, "hostname": "corpus",
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                       {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")], "resources": {"devices": [{"allow": False, "access": "rwm"}]},
                      "cgroupsPath": f"/casemate-e2e/{self.id}"}}
        self.consoles, self.pidfds = Listener(self.words["console"]), Listener(self.words["pidfd"])
        pathlib.Path(self.words["resources"]).write_text('{"memory": {"limit": 67108864}}')

    def fill(self, text):
        return re.sub(r"\{([a-z-]+)\}", lambda found: self.words[found.group(1)], text)

    def write(self):
        (self.directory / "config.json").write_text(json.dumps(self.config))
        one = self.process | {"terminal": False, "args": getattr(self, "exec_args", ["sleep", "300"])}
        pathlib.Path(self.words["process"]).write_text(json.dumps(one))
        pathlib.Path(self.words["process-tty"]).write_text(json.dumps(one | {"terminal": True}))

    def setting(self, line):
        word, _, rest = line.partition(" ")
        if word == "env":
            self.environment = dict(pair.split("=", 1) for pair in rest.split())
        elif word == "cwd":
            self.cwd = self.fill(rest)
        elif word == "app":
            self.process["args"] = shlex.split(rest)
        elif word == "process-args":
            self.exec_args = shlex.split(rest)
        elif word == "fds":
            self.fds = int(rest)
        elif word == "stray":
            self.stray = int(rest)
        elif word == "stdin":
            self.stdin = rest
        elif word == "terminal":
            self.process["terminal"] = True
        elif word == "unknown-key":
            self.config["notInTheSpecification"] = {"a": 1}
        else:
            raise Failed(f"corpus: {line!r}")

    def call(self, *words, **options):
        return subprocess.run([str(self.runtime), *words], capture_output=True, text=True, timeout=60, check=False, **options)

    def act(self, line):
        code, words, checks = CALL.match(line).groups()
        self.write()
        pathlib.Path(self.words["log"]).unlink(missing_ok=True)
        words = [self.fill(word) for word in shlex.split(words)]
        if "--root" in words:
            self.rooted = ["--root", self.words["root"]]
        elif any(word.startswith("--root=") for word in words):
            self.rooted = [f"--root={self.words['root']}"]
        self.done = self.with_descriptors(words)
        shown = f"{' '.join(words)}\n    exit {self.done.returncode}\n    out: {self.done.stdout[-300:]!r}\n    err: {self.done.stderr[-600:]!r}"
        log = pathlib.Path(self.words["log"])
        if log.exists():
            shown += f"\n    log: {log.read_text()[-600:]!r}"
        if self.done.returncode != int(code):
            raise Failed(f"expected exit {code}: {shown}")
        for check in filter(None, map(str.strip, checks.split("; "))):
            try:
                self.check(self.fill(check) if check.startswith("file ") else check)
            except Failed as failure:
                raise Failed(f"{check}: {failure}: after {shown}") from None

    def with_descriptors(self, words):
        """The call, with descriptors 3.. and a stray one open in it; its stdio is files, as an app keeps what it is given."""
        wanted = list(range(3, 3 + self.fds)) + ([self.stray] if self.stray else [])
        redirections = " ".join(f"{fd}</dev/null" for fd in wanted)
        script = f'exec "$@" {redirections}'
        out, err = self.directory / "out", self.directory / "err"
        with open(out, "w") as stdout, open(err, "w") as stderr:
            done = subprocess.run(["env", "-i", *(f"{name}={value}" for name, value in self.environment.items()), "/bin/bash", "-c", script, "bash",
                                   str(self.runtime), *words], input=self.stdin or None, stdin=None if self.stdin else subprocess.DEVNULL,
                                  stdout=stdout, stderr=stderr, cwd=self.cwd, text=True, timeout=60, check=False)
        done.stdout, done.stderr = out.read_text(), err.read_text()
        return done

    def status(self):
        done = self.call(*self.rooted, "state", self.id)
        return json.loads(done.stdout)["status"] if done.returncode == 0 else "gone"

    def pid(self):
        return int(pathlib.Path(self.words["pidfile"]).read_text())

    def check(self, text):
        word, _, rest = text.partition(" ")
        log = pathlib.Path(self.words["log"])
        if word == "pid-file":
            content = pathlib.Path(self.words["pidfile"]).read_text()
            if not re.fullmatch(r"[1-9]\d*", content) or not pathlib.Path(f"/proc/{content}").exists():
                raise Failed(repr(content))
        elif word == "no-pid-file":
            if pathlib.Path(self.words["pidfile"]).exists():
                raise Failed("there is one")
        elif word == "file":
            if not re.fullmatch(r"[1-9]\d*", pathlib.Path(rest).read_text()):
                raise Failed(pathlib.Path(rest).read_text())
        elif word == "log-empty":
            if log.exists() and log.read_text():
                raise Failed(log.read_text())
        elif word == "log-error":
            entry = json.loads(log.read_text())  # the whole file is one object: podman reads it so
            if set(entry) != {"level", "msg", "time"} or entry["level"] != "error" or not re.search(rest, entry["msg"]):
                raise Failed(str(entry))
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", entry["time"]):
                raise Failed(entry["time"])
        elif word in ("out", "err"):
            seen = self.done.stdout if word == "out" else self.done.stderr
            if not re.search(rest, seen, re.MULTILINE):
                raise Failed("no match")
            if word == "err" and not re.search(r"^.*\n(hint: .*\n)?$", seen):
                raise Failed("more than one error line")
        elif word in ("status", "wait-stopped", "gone"):
            until(self.status, {"status": rest, "wait-stopped": "stopped", "gone": "gone"}[word], 10)
        elif word == "console":
            self.held.append(self.consoles.one())  # until the end: what is closed hangs up
            if not os.isatty(self.held[-1]):
                raise Failed(os.readlink(f"/proc/self/fd/{self.held[-1]}"))
        elif word == "pidfd":
            descriptor = self.pidfds.one()
            signal.pidfd_send_signal(descriptor, 0)
            os.close(descriptor)
        elif word == "app-fds":
            until(lambda: sorted(map(int, os.listdir(f"/proc/{self.pid()}/fd"))), list(range(int(rest))))
        elif word == "app-env":
            seen = pathlib.Path(f"/proc/{self.pid()}/environ").read_text().replace("\0", "\n")
            if not re.search(rest, seen, re.MULTILINE):
                raise Failed(seen)
        else:
            raise Failed(f"corpus: no check {text!r}")

    def play(self, lines):
        for line in lines:
            if line.startswith("["):
                self.act(line)
                self.stdin = ""
            else:
                self.setting(line)

    def close(self):
        for listener in (self.consoles, self.pidfds):
            listener.socket.close()
        self.call(*self.rooted, "delete", "--force", self.id)
        for descriptor in self.held:
            os.close(descriptor)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime")
    parser.add_argument("--only", default="")
    parser.add_argument("--strict", action="store_true", help="no scenario is excused")
    options = parser.parse_args()
    scratch = lib_private.enter()
    runtime = pathlib.Path(shutil.which(options.runtime or str(lib_private.programs(scratch) / "casemate")))
    lib_podman.make_root(scratch)
    (scratch / "rootfs" / "proc").mkdir()
    (scratch / "rootfs" / "dev").mkdir()
    corpus = pathlib.Path(__file__).parent.parent / "data" / "argv" / "corpus.txt"
    rows = []
    for number, (name, lines) in enumerate(scenarios(corpus)):
        if re.search(options.only, name):
            rows.append((number, Row(name, (), lambda scenario, lines=lines: scenario.play(lines))))
    excused = {} if options.strict or runtime.name != "casemate" else NOT_YET
    failed = lib_rows.run(rows, lambda number: Scenario(scratch, runtime, number), 4, excused, "argv", not options.only)
    time.sleep(0.3)
    left = lib_private.leftovers(scratch)
    if left:
        print("left behind:", *left, sep="\n  ")
    sys.exit(1 if failed or left else 0)


main()
