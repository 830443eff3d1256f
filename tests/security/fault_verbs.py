"""The verbs of the fault sweep: how each is run with one call broken, and what must be true afterwards.

An outcome is a list of "fail-open: ...", "residue: ..." or "wrong: ..." (exit code, error, hang).
"""
import errno
import hashlib
import os
import re
import signal
import subprocess
import time

import harness
import traced
from fault_ground import TRIAL_TIME, own_children, reap

APP_TIME = 3  # seconds until a started app has said its account

class Broken:
    """Where, and how: `kind` is an errno's number, "kill", "kill-first" or "short"."""

    def __init__(self, process, number, call, kind):
        self.process, self.number, self.call, self.kind = process, number, call, kind

    def words(self):
        return [f"{self.process}:{self.number}:{self.kind if isinstance(self.kind, str) else f'fail={self.kind}'}"]

    def __str__(self):
        kind = self.kind if isinstance(self.kind, str) else os.strerror(self.kind)
        return f"process {self.process} call {self.number} ({self.call}): {kind}"


# What the documentation says of kernels that lack something: (call, errno, first argument) -> what the account may differ in.
DOCUMENTED = {("prctl", errno.EINVAL, 66): r"prctl 66: |write\+execute: "}


class Verb:
    """One verb: `prepare` once, `before` each trial, `act` the traced call, `judge` what came of it."""

    name = ""
    sites = False  # one point a call site, not one a call

    def __init__(self, ground):
        self.ground = ground
        self.expected = None

    def arguments(self):
        raise NotImplementedError

    def prepare(self):
        pass

    before = prepare

    def account(self, result):
        """What the app said, if anything."""
        return result.out

    def after_good(self):
        """Ends what a good run leaves alive. Gives faults."""
        return []

    def after_bad(self):
        return []

    def baseline(self):
        self.before()
        result, trace = self.ground.traced(*self.arguments(), output=self.output())
        account = self.ground.normal(self.account(result))
        if result.code != 0 or not account:
            raise harness.Failure(f"{self.name} without a fault: {result}")
        faults = self.after_good() + [f"residue: {name}" for name in self.ground.left(wait=2)]
        if faults:
            raise harness.Failure(f"{self.name} without a fault: {faults}")
        self.expected = account
        return trace

    def output(self):
        return None

    def try_once(self, broken):
        """(survived, faults) of one trial."""
        ground = self.ground
        self.before()
        try:
            result, trace = ground.traced(*self.arguments(), broken=broken, output=self.output())
        except subprocess.TimeoutExpired:
            faults = [f"wrong: no end within {TRIAL_TIME} s"]
            ground.clear()
            return None, faults
        if not any(event.get("broken") for event in trace):
            survived = None  # there is no such call this time
        else:
            survived = result.code == 0
        faults = []
        account = self.account(result)
        if account and ground.normal(account) != self.expected:
            if not self.documented(trace, ground.normal(account)):
                faults.append(f"fail-open: {self.difference(ground.normal(account))}")
        killed = isinstance(broken.kind, str) and broken.kind.startswith("kill")
        if result.code == 0 and not account:
            faults.append("wrong: exit code 0, and the app did not run")
        if result.code == 0:
            faults += self.after_good()
        else:
            faults += self.error_faults(result, account, killed)
            faults += self.after_bad()
        faults += self.residue(killed)
        if faults:
            ground.clear()
        return survived, faults

    codes = (125, 126, 127, 1)  # what a failure may end with

    def error_faults(self, result, account, killed):
        if result.code in (137, 139) and killed:
            return []
        # Before it knows which verb it is, it is any of them.
        early = result.code in (125, 127) and re.search("descriptors of the caller|error while loading|cannot set %fs", result.err)
        if result.code not in self.codes and not account and not early:
            return [f"wrong: exit code {result.code}: {result.err[-200:]}"]
        # Before main glibc speaks for itself.
        if not re.search(r"casemate: (?!the image names root)|error while loading|cannot set %fs", result.err) and not account:
            return [f"wrong: exit code {result.code} without a word: {result.err[-200:]!r}"]
        return []

    def residue(self, killed):
        ground = self.ground
        left = ground.left(wait=2 if killed else 0.5)
        if not left:
            return []
        if not killed:
            return [f"residue: {name}" for name in left]
        # After a death by SIGKILL it takes gc, or delete --force for a container that somebody asked for by name.
        ground.plain("gc")
        still = ground.left()
        if still:
            ground.plain("delete", "--force", ground.name)
            still = ground.left()
        faults = [f"residue: after gc and delete: {name}" for name in still]
        if not faults:
            faults += self.works_again()
        return faults

    def works_again(self):
        """The same name, once more, unharmed."""
        self.before()
        result = self.ground.plain(*self.arguments())
        faults = [] if result.code == 0 else [f"wrong: does not work again: {result.err[-200:]}"]
        if result.code == 0:
            faults += self.after_good()
        faults += [f"residue: after a second run: {name}" for name in self.ground.left()]
        return faults

    def documented(self, trace, account):
        event = next((event for event in trace if event.get("broken")), None)
        allowed = event and event["gave"] and DOCUMENTED.get((event["call"], -event["gave"], event["args"][0]))
        was, now = self.expected.splitlines(), account.splitlines()
        return allowed and len(was) == len(now) and all(one == other or re.match(allowed, one) for one, other in zip(was, now))

    def difference(self, account):
        was, now = self.expected.splitlines(), account.splitlines()
        return f"lost {[line for line in was if line not in now][:4]}, got {[line for line in now if line not in was][:4]}"


class Launch(Verb):
    name = "launch"

    def arguments(self):
        return ("launch", f"rootfs:{self.ground.bundle.rootfs}", "--", "/bin/account")


class Publish(Verb):
    """With the relay beside it."""

    name = "publish"

    def arguments(self):
        port = 21000 + os.getpid() % 9000
        return ("launch", "--profile", "web", "--publish", f"127.0.0.1:{port}:80", f"rootfs:{self.ground.bundle.rootfs}", "--", "/bin/account")


class Run(Verb):
    name = "run"

    def arguments(self):
        return ("run", "--bundle", self.ground.bundle.path, self.ground.name)


class Create(Verb):
    """create; when it says it has, start must bring the whole app."""

    name = "create"

    def output(self):
        return self.ground.said

    def arguments(self):
        return ("create", "--bundle", self.ground.bundle.path, self.ground.name)

    def account(self, result):
        text = self.ground.said.read_text(errors="replace")
        if result.code != 0:
            # Nothing but casemate's own words may be there.
            return text if text.startswith("Umask") else ""
        started = self.ground.plain("start", self.ground.name)
        deadline = time.monotonic() + APP_TIME
        while started.code == 0 and not self.whole() and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.said_account()

    def said_account(self):
        text = self.ground.said.read_text(errors="replace") if self.ground.said.exists() else ""
        at = text.find("Umask:")
        return text[at:] if at >= 0 else ""

    def whole(self):
        return "unknown: " in self.said_account()

    def after_good(self):
        reap(0.2)
        result = self.ground.plain("delete", "--force", self.ground.name)
        return [] if result.code == 0 else [f"wrong: delete --force: {result.err[-200:]}"]

    def works_again(self):
        self.before()
        with open(self.ground.said, "wb") as out:
            result = self.ground.lab.casemate(*self.arguments(), stdout=out, stderr=out)
        faults = [] if result.code == 0 else [f"wrong: does not work again: {self.ground.said.read_text()[-200:]}"]
        return faults + self.after_good() + [f"residue: after a second run: {name}" for name in self.ground.left()]


class Start(Create):
    """start of what was created unharmed."""

    name = "start"

    def output(self):
        return None

    def before(self):
        with open(self.ground.said, "wb") as out:
            self.created = self.ground.lab.casemate("create", "--bundle", self.ground.bundle.path, self.ground.name, stdout=out, stderr=out)

    def arguments(self):
        return ("start", self.ground.name)

    def account(self, result):
        deadline = time.monotonic() + (APP_TIME if result.code == 0 else 0.03)
        while not self.whole() and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.said_account()

    def after_bad(self):
        return self.after_good()

    def residue(self, killed):
        return super().residue(False)


class Exec(Verb):
    name = "exec"
    codes = (255, 126, 127)

    def prepare(self):
        self.ground.bundle.config["process"]["args"] = ["sleep", "3600"]
        self.ground.bundle.save()
        self.up()

    def up(self):
        for words in (("create", "--bundle", self.ground.bundle.path, self.ground.name), ("start", self.ground.name)):
            result = self.ground.plain(*words)
            if result.code != 0:
                raise harness.Failure(f"exec's container: {words}: {result}")
        self.init = own_children()

    def arguments(self):
        return ("exec", self.ground.name, "/bin/account")

    def before(self):
        if not self.init or not os.path.exists(f"/proc/{self.init[0]}"):
            self.ground.clear()
            self.up()

    def baseline(self):
        self.before()
        result, trace = self.ground.traced(*self.arguments())
        self.expected = self.ground.normal(result.out)
        if result.code != 0 or not self.expected:
            raise harness.Failure(f"exec without a fault: {result}")
        return trace

    def residue(self, killed):
        deadline = time.monotonic() + (2 if killed else 0.5)
        while True:
            for pid in own_children():
                try:
                    os.waitpid(pid, os.WNOHANG | 0x40000000)
                except ChildProcessError:
                    continue
            now = own_children()
            if now == self.init or time.monotonic() > deadline:
                break
            time.sleep(0.003)
        if self.init[0] not in now:
            self.init = []
            return ["wrong: the container ended with it"]
        faults = [f"residue: process {pid}" for pid in now if pid not in self.init]
        for pid in now:
            if pid not in self.init:
                os.kill(pid, signal.SIGKILL)
        faults += [f"residue: {path}" for path in self.ground.out.iterdir()] + [f"residue: {path}" for path in self.ground.lab.state.iterdir() if path.name not in (".ids", self.ground.name)]
        if self.ground.mount_table() != self.ground.mounts:
            faults.append("residue: mounts")
        if killed and not faults:
            again = self.ground.plain(*self.arguments())
            faults += [] if again.code == 0 else [f"wrong: does not work again: {again.err[-200:]}"]
        return faults


class Delete(Verb):
    """delete --force of a container that runs: it is gone, or the next delete takes it."""

    name = "delete"

    def prepare(self):
        self.ground.bundle.config["process"]["args"] = ["sleep", "3600"]
        self.ground.bundle.save()

    def before(self):
        Exec.up(self)

    def arguments(self):
        return ("delete", "--force", self.ground.name)

    def account(self, _result):
        return "deleted"

    def after_bad(self):
        result = self.ground.plain("delete", "--force", self.ground.name)
        return [] if result.code == 0 else [f"wrong: the next delete --force: {result.err[-200:]}"]

    def error_faults(self, result, account, killed):
        return super().error_faults(result, "", killed)


class Unpack(Verb):
    """The tree is whole, or not there. One point a call site: an image has as many calls as files."""

    name = "unpack"
    sites = True

    def prepare(self):
        self.layout = traced.small_layout(self.ground.lab)

    def arguments(self):
        return ("unpack", self.layout, self.ground.out / "image")

    def before(self):
        for path in self.ground.out.iterdir():
            subprocess.run(["rm", "-rf", path], check=False)

    def account(self, result):
        return self.digest(self.ground.out / "image") if result.code == 0 else ""

    @staticmethod
    def digest(image):
        digest = hashlib.sha256()
        for path in sorted([image, *image.rglob("*")]):
            status = path.lstat()
            digest.update(repr((str(path.relative_to(image)), status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size)).encode())
            if path.is_symlink():
                digest.update(os.readlink(path).encode())
            elif path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def after_good(self):
        subprocess.run(["rm", "-rf", self.ground.out / "image"], check=False)
        return []

    def residue(self, killed):
        """After a death the image is there and whole, or it is not there; what is half done the next unpacking takes away."""
        if not killed:
            return super().residue(False)
        faults = [f"residue: {name}" for name in reap(3)]
        again = self.ground.plain("unpack", self.layout, self.ground.out / "again")
        if again.code != 0 or self.digest(self.ground.out / "again") != self.expected:
            faults.append(f"wrong: does not work again: {again.err[-200:]}")
        if faults:
            return faults + [f"residue: {name}" for name in self.ground.left()]
        # config.json comes last, by another process than the tree.
        image, again = self.ground.out / "image", self.ground.out / "again"
        if image.exists() and self.digest(image / "rootfs") == self.digest(again / "rootfs"):
            subprocess.run(["rm", "-rf", image], check=False)
        subprocess.run(["rm", "-rf", again], check=False)
        return faults + [f"residue: {name}" for name in self.ground.left()]

VERBS = (Start, Delete, Exec, Unpack, Create, Run, Publish, Launch)  # those of few points first: what they leave of the time is the others'
