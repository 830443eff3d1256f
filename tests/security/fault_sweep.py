#!/usr/bin/env python3
"""fault_sweep.py [--all] [--budget SECONDS] [--jobs N] [--modes a,b] [--verbs a,b]: every failing call is survived (SECURITY H4).

Records what a verb calls, then runs it once a point with that one call broken: each errno that its man page names among
ERRNOS, a death of its process by SIGKILL, one of the first process, a read or write cut to a byte. Either the app runs and
its account of itself (security_account) is the whole one, or it does not, the error says why, and nothing is left.
--all: every point, in an order that spreads (so that a budget cuts evenly); else a sample that takes under a minute.
"""
import argparse
import collections
import ctypes
import errno
import json
import multiprocessing
import os
import random
import sys
import time

import fault_ground
import fault_verbs
import harness
import traced

E = errno
# What the man pages of section 2 name, of EPERM ENOSYS EINVAL EINTR EAGAIN ENOMEM EMFILE EIO. A call that is newer than the
# oldest kernel we support (5.10) or that a filter may deny can also be ENOSYS.
BY_CALL = {
    "read": (E.EINTR, E.EAGAIN, E.EIO, E.EINVAL), "write": (E.EINTR, E.EAGAIN, E.EIO, E.EINVAL, E.EPERM), "pread64": (E.EINTR, E.EIO, E.EINVAL), "close": (E.EINTR, E.EIO),
    "open": (E.EINTR, E.EMFILE, E.ENOMEM, E.EPERM, E.EINVAL), "openat": (E.EINTR, E.EMFILE, E.ENOMEM, E.EPERM, E.EINVAL),
    "openat2": (E.EINTR, E.EAGAIN, E.EMFILE, E.ENOMEM, E.EPERM, E.EINVAL, E.ENOSYS), "mmap": (E.ENOMEM, E.EAGAIN, E.EPERM, E.EINVAL), "munmap": (E.EINVAL, E.ENOMEM), "brk": (),  # (brk fails by giving the old end)
    "mprotect": (E.ENOMEM, E.EINVAL), "madvise": (E.ENOMEM, E.EINVAL, E.EAGAIN, E.EIO, E.EPERM), "newfstatat": (E.ENOMEM, E.EINVAL), "fstatfs": (E.EINTR, E.EIO, E.ENOMEM, E.ENOSYS),
    "statx": (E.ENOMEM, E.EINVAL, E.ENOSYS), "access": (E.EIO, E.ENOMEM, E.EINVAL, E.EPERM), "readlink": (E.EINVAL, E.EIO, E.ENOMEM), "readlinkat": (E.EINVAL, E.EIO, E.ENOMEM),
    "fcntl": (E.EAGAIN, E.EINTR, E.EINVAL, E.EMFILE, E.EPERM), "flock": (E.EINTR, E.EINVAL, E.ENOMEM, E.EAGAIN), "dup": (E.EMFILE,), "dup2": (E.EINTR, E.EMFILE), "dup3": (E.EINTR, E.EINVAL, E.EMFILE),
    "pipe2": (E.EINVAL, E.EMFILE), "poll": (E.EINTR, E.EINVAL, E.ENOMEM), "ppoll": (E.EINTR, E.EINVAL, E.ENOMEM), "socket": (E.EINVAL, E.EMFILE, E.ENOMEM, E.EPERM), "socketpair": (E.EMFILE, E.EPERM),
    "sendmsg": (E.EAGAIN, E.EINTR, E.EINVAL, E.ENOMEM), "sendto": (E.EAGAIN, E.EINTR, E.EINVAL, E.ENOMEM), "recvmsg": (E.EAGAIN, E.EINTR, E.EINVAL, E.ENOMEM), "recvfrom": (E.EAGAIN, E.EINTR, E.EINVAL, E.ENOMEM),
    "wait4": (E.EINTR, E.EINVAL), "waitid": (E.EINTR, E.EINVAL), "kill": (E.EINVAL, E.EPERM), "pidfd_send_signal": (E.EINVAL, E.EPERM, E.ENOSYS), "pidfd_open": (E.EINVAL, E.EMFILE, E.ENOMEM, E.ENOSYS),
    "clone": (E.EAGAIN, E.EINVAL, E.ENOMEM, E.EPERM), "clone3": (E.EAGAIN, E.EINVAL, E.ENOMEM, E.EPERM, E.EMFILE, E.ENOSYS), "vfork": (E.EAGAIN, E.ENOMEM), "fork": (E.EAGAIN, E.ENOMEM, E.ENOSYS),
    "execve": (E.EAGAIN, E.EINVAL, E.EIO, E.EMFILE, E.ENOMEM, E.EPERM), "execveat": (E.EAGAIN, E.EINVAL, E.EIO, E.EMFILE, E.ENOMEM, E.EPERM), "getdents64": (E.EINVAL, E.EIO),
    "mkdir": (E.EINVAL, E.ENOMEM, E.EPERM), "mkdirat": (E.EINVAL, E.ENOMEM, E.EPERM), "rmdir": (E.EINVAL, E.ENOMEM, E.EPERM), "unlinkat": (E.EINVAL, E.EIO, E.ENOMEM, E.EPERM),
    "unlink": (E.EIO, E.ENOMEM, E.EPERM), "rename": (E.EINVAL, E.ENOMEM, E.EPERM), "renameat": (E.EINVAL, E.ENOMEM, E.EPERM), "renameat2": (E.EINVAL, E.ENOMEM, E.EPERM, E.ENOSYS),
    "rt_sigaction": (E.EINVAL,), "rt_sigprocmask": (E.EINVAL,), "lseek": (E.EINVAL,), "setsid": (E.EPERM,), "prlimit64": (E.EINVAL, E.EPERM), "chdir": (E.EIO, E.ENOMEM), "fchdir": (E.EIO, E.ENOMEM),
    "setgroups": (E.EINVAL, E.ENOMEM, E.EPERM), "setresuid": (E.EAGAIN, E.EINVAL, E.EPERM), "setresgid": (E.EAGAIN, E.EINVAL, E.EPERM), "capset": (E.EINVAL, E.EPERM), "capget": (E.EINVAL, E.EPERM),
    "prctl": (E.EINVAL, E.EPERM), "seccomp": (E.EINVAL, E.ENOMEM, E.EPERM, E.ENOSYS), "memfd_create": (E.EINVAL, E.EMFILE, E.ENOMEM, E.EPERM), "ftruncate": (E.EINTR, E.EINVAL, E.EIO, E.EPERM),
    "arch_prctl": (E.EINVAL, E.EPERM), "set_tid_address": (), "set_robust_list": (E.EINVAL,), "rseq": (E.EINVAL, E.EPERM, E.ENOSYS), "uname": (), "futex": (), "getrandom": (E.EAGAIN, E.EINTR, E.EINVAL, E.ENOSYS), "sched_getaffinity": (E.EINVAL,),
    "fchmod": (E.EIO, E.ENOMEM, E.EPERM), "fchown": (E.EIO, E.ENOMEM, E.EPERM), "fchownat": (E.EINVAL, E.EIO, E.ENOMEM, E.EPERM), "utimensat": (E.EINVAL, E.EPERM, E.ENOSYS), "symlinkat": (E.EIO, E.ENOMEM, E.EPERM),
    "linkat": (E.EINVAL, E.EIO, E.ENOMEM, E.EPERM), "mknodat": (E.EINVAL, E.ENOMEM, E.EPERM), "umask": (), "exit_group": (), "exit": (), "rt_sigreturn": (), "geteuid": (), "getuid": (), "getgid": (), "getegid": (),
    "getpid": (), "getppid": (), "gettid": (), "getsid": (E.EPERM,), "getpgrp": (), "getcwd": (E.EINVAL, E.ENOMEM),
}
OTHERS = (E.EPERM, E.ENOSYS, E.EINVAL, E.EAGAIN, E.ENOMEM, E.EMFILE, E.EIO)
REPEATED = ("rt_sigaction", "sched_getaffinity", "getrandom")  # posix_spawn resets every signal, and the like
CUT = {"read", "write", "pread64", "pwrite64"}


def errors_of(call):
    return BY_CALL.get(call, OTHERS)


def points_of(trace, sites):
    """Every (process, number, call, kind). `sites`: of calls from one place in the program the first two."""
    seen, points = collections.Counter(), []
    for event in trace:
        if "call" not in event:
            continue
        if sites or event["call"] in REPEATED:
            site = (event["p"], event["call"], event.get("site"))
            seen[site] += 1
            if seen[site] > 2:
                continue
        where = (event["p"], event["n"], event["call"])
        points += [(*where, kind) for kind in (*errors_of(event["call"]), "kill", *(("short",) if event["call"] in CUT and event["args"][2] > 1 else ()), *(("kill-first",) if event["p"] != "0" else ()))]
    return points


def sweep(mode, verb_class, share, shares, wanted, deadline, results):
    """One share of a verb's points; its counts and findings go to `results`."""
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what outlives a trial becomes ours
    ground = fault_ground.Ground(mode)
    counts, findings = collections.Counter(), []
    try:
        verb = verb_class(ground)
        verb.prepare()
        trace = verb.baseline()
        points = points_of(trace, verb.sites)
        # The same order in every share, spread over processes, calls and kinds.
        random.Random(7).shuffle(points)
        counts["possible"] = len(points) if share == 0 else 0
        if wanted:
            points = points[:wanted]
        for point in points[share::shares]:
            if time.monotonic() > deadline:
                break
            broken = fault_verbs.Broken(*point)
            survived, faults = verb.try_once(broken)
            counts["tried" if survived is not None else "missed"] += 1
            counts["survived" if survived else "ended"] += survived is not None
            findings += [f"{mode} {verb.name}: {broken}: {fault}" for fault in faults]
    except Exception as failure:  # pylint: disable=broad-except
        findings.append(f"{mode} {verb_class.name}: wrong: {type(failure).__name__}: {failure}")
    finally:
        ground.clear()
        ground.lab.close()
    results.put((mode, verb_class.name, dict(counts), findings))


def self_test():
    """What a fault could do to a launch, done to it: each must be seen, and a launch that nothing is done to must not."""
    class Launch(fault_verbs.Launch):
        more = ()

        def arguments(self):
            verb, *rest = super().arguments()
            return (verb, *self.more, *rest)

    ground = fault_ground.Ground("userns")
    nowhere = fault_verbs.Broken("0", 10 ** 6, "none", E.EPERM)
    wrong = []

    def expect(what, kind, verb):
        faults = verb.try_once(nowhere)[1]
        if [fault.split(":")[0] for fault in faults[:1]] != ([kind] if kind else []):
            wrong.append(f"{what}: {faults or 'nothing'}")

    try:
        verb = Launch(ground)
        verb.baseline()
        expect("nothing", None, verb)
        for words in (("--env", "LEFT=1"), ("--set", "process.oomScoreAdj=500"), ("--profile", "strict")):
            verb.more = words
            expect(" ".join(words), "fail-open", verb)
        verb.more = ()
        for leave in (ground.lab.state / "left", ground.out / "left"):
            verb.before = leave.mkdir
            expect(f"left {leave.name}", "residue", verb)
        verb.before = lambda: os.posix_spawnp("sleep", ["sleep", "5"], os.environ)
        expect("a process", "residue", verb)
        del verb.before
        verb.codes, verb.more = (), ("--no-such-option",)
        expect("another exit code", "wrong", verb)
    finally:
        ground.clear()
        ground.lab.close()
    print(*wrong, f"fault sweep's own test: {len(wrong)} not noticed", sep="\n")
    return 1 if wrong else 0


def run_all(options):
    began = time.monotonic()
    results, running, findings = multiprocessing.Queue(), [], []
    totals = collections.defaultdict(collections.Counter)
    tasks = [(mode, verb, share) for verb in fault_verbs.VERBS for mode in options.modes for share in range(options.jobs)
             if verb.name in options.verbs and not (verb.name == "publish" and mode == "userns")]
    # A share of the time for each, by turns; what a short one leaves is the others'.
    waiting = list(tasks)
    done = 0
    while done < len(tasks):
        while waiting and len(running) < options.jobs:
            mode, verb, share = waiting.pop(0)
            left = max(began + options.budget - time.monotonic(), 1)
            rounds = (len(waiting) + options.jobs) / options.jobs
            deadline = time.monotonic() + left / rounds
            process = multiprocessing.Process(target=sweep, args=(mode, verb, share, options.jobs, 0 if options.all else options.sample, min(deadline, began + options.budget), results))
            process.start()
            running.append(process)
        mode, name, counts, found = results.get()
        done += 1
        totals[mode, name].update(counts)
        findings += found
        for text in found:
            print(text, flush=True)
        for process in [one for one in running if not one.is_alive() or one.join(0.2) is None and not one.is_alive()]:
            running.remove(process)
    print(f"{'mode':9} {'verb':8} {'points':>7} {'tried':>7} {'survived':>8} {'ended':>7}")
    for (mode, name), counts in totals.items():
        print(f"{mode:9} {name:8} {counts['possible']:7} {counts['tried']:7} {counts['survived']:8} {counts['ended']:7}")
    whole = sum(totals.values(), collections.Counter())
    kinds = collections.Counter(next(kind for kind in ("fail-open", "residue", "wrong") if f"{kind}: " in text) for text in findings)
    print(f"fault sweep: {whole['tried']} of {whole['possible']} points tried, {whole['survived']} survived, {whole['ended']} ended, fail-open: {kinds['fail-open']}, "
          f"residue: {kinds['residue']}, wrong: {kinds['wrong']}, {time.monotonic() - began:.0f} s")
    return 1 if findings else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--budget", type=float, default=45)
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--modes", type=lambda text: text.split(","), default=["userns", "root", "rootless"])
    parser.add_argument("--verbs", type=lambda text: text.split(","), default=[verb.name for verb in fault_verbs.VERBS])
    parser.add_argument("--points", type=json.loads, help="not a sweep: these points, e.g. '[[\"0.0\", 17, \"mount\", 5]]', of one verb in one mode")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0 or not traced.tracer():
        print("skipped: needs root and security_tracer")
        sys.exit(77)
    harness.enter_private()
    os.umask(0o022)
    if options.self_test:
        ctypes.CDLL(None).prctl(36, 1)
        return self_test()
    if options.points:
        ctypes.CDLL(None).prctl(36, 1)
        ground = fault_ground.Ground(options.modes[0])
        verb = next(one for one in fault_verbs.VERBS if one.name == options.verbs[0])(ground)
        verb.prepare()
        verb.baseline()
        for point in options.points:
            print(point, verb.try_once(fault_verbs.Broken(*point)))
        ground.clear()
        ground.lab.close()
        return 0
    return run_all(options)


if __name__ == "__main__":
    sys.exit(main())
