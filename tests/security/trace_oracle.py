#!/usr/bin/env python3
"""The trace oracle (SECURITY H2): every verb that touches a root file system, traced, against trace_rules.py.

Then each rule is shown to notice: a violation is planted into a trace that was clean, and steps are left out of a real
launch by the mutation build. Green without that would say nothing.
"""
import copy
import os
import pathlib
import sys
import time

import harness
import trace_rules
import traced


def places(lab):
    """What the host may name absolutely beside HOST_PLACES: the launcher's own directories, and where the caller wants an image."""
    return (str(lab.state), str(lab.scratch / "out"), str(lab.scratch / "runtime"), str(lab.scratch / "data"))


def traces(lab):
    """(name, Result, trace) of each verb."""
    bundle = lab.bundle()
    volume = lab.scratch / "volume"
    (volume / "of").mkdir(parents=True)
    (bundle.rootfs / "link").symlink_to("tmp")
    bundle.mount("/data/deep", volume, "rbind", "ro").mount("/link/of", volume / "of", "rbind")
    bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
    path = bundle.shell("sleep 60").save()
    rootfs = f"rootfs:{bundle.rootfs}"
    name = lab.scratch.name
    yield "launch", *traced.traced(lab, "launch", rootfs, "--", "/bin/true")
    yield "launch --publish", *traced.traced(lab, "launch", "--profile", "web", "--publish", f"127.0.0.1:{20000 + os.getpid() % 20000}:80", rootfs, "--", "/bin/true")
    yield "create", *traced.traced(lab, "create", "--bundle", path, name, output=lab.scratch / "said")
    yield "start", *traced.traced(lab, "start", name)
    yield "exec", *traced.traced(lab, "exec", name, "true")
    yield "delete", *traced.traced(lab, "delete", "--force", name)
    layout, out = traced.small_layout(lab), lab.scratch / "out"
    out.mkdir()
    os.chown(out, lab.uid, lab.gid)
    yield "unpack", *traced.traced(lab, "unpack", layout, out / "image")
    bundle.shell("true").save()
    yield "run", *traced.traced(lab, "run", "--bundle", path, name)


# Planting: where in a trace, and what to do there.
def find(call, where=lambda event: True):
    return lambda trace: next(index for index, event in enumerate(trace) if event.get("call") == call and where(event))


def last(call, where=lambda event: True):
    return lambda trace: max(index for index, event in enumerate(trace) if event.get("call") == call and where(event))


def after(at):
    return lambda trace: at(trace) + 1


def insert(at, call, path=None, args=(), **more):
    """One more call, by the process whose call is there."""
    def spoil(trace):
        index = at(trace)
        event = {"p": trace[index]["p"], "n": trace[index].get("n", 0), "call": call, "args": [*args, *[0] * (6 - len(args))], "gave": 3} | more
        trace.insert(index + 1, event if path is None else event | {"path": path})
    return spoil


def execute(at, program):
    return lambda trace: trace.insert(at(trace), {"p": trace[at(trace)]["p"], "event": "exec", "program": program})


def change(at, **fields):
    def spoil(trace):
        trace[at(trace)].update(fields)
    return spoil


def drop(at):
    def spoil(trace):
        del trace[at(trace)]
    return spoil


def drop_later(call, since, where=lambda event: True):
    """Every such call of the process from there on."""
    def spoil(trace):
        first = since(trace)
        trace[first:] = [event for event in trace[first:] if not (event.get("call") == call and event["p"] == trace[first]["p"] and where(event))]
    return spoil


def move(what, to):
    def spoil(trace):
        target, event = to(trace), trace[what(trace)]
        trace.insert(target + 1, event | {"n": trace[target]["n"] + 1})
        del trace[trace.index(event)]
    return spoil


def planted():
    """(rule, verb, how to spoil its trace)."""
    rooted = trace_rules.root_opened
    filtered = find("seccomp", lambda e: e["args"][0] == 1 and e["gave"] == 0)
    bounded = find("openat2", lambda e: e["resolve"] == 0x12 and e["path"] == "proc")
    no_new_privs = find("prctl", lambda e: e["args"][0] == 38)
    hidden = find("prctl", lambda e: e["args"][:2] == [4, 0] and e["p"] == "0")
    landlock = find("landlock_restrict_self")
    cwd, cloexec = trace_rules.AT_FDCWD, trace_rules.O_CLOEXEC
    return (
        ("paths", "launch", insert(rooted, "openat", "/tmp/rootfs/etc", (cwd, 0, cloexec))),
        ("paths", "launch", insert(rooted, "openat", "etc", (cwd, 0, cloexec))),
        ("paths", "launch", insert(rooted, "mkdir", "/tmp/rootfs/etc")),
        ("paths", "launch", insert(rooted, "readlink", "/tmp/rootfs")),
        ("paths", "create", insert(rooted, "unlinkat", "/var/other", (7,))),
        ("paths", "create", insert(rooted, "symlinkat", "target", (0, cwd), path2="name")),
        ("paths", "unpack", insert(rooted, "openat", "/etc/passwd", (cwd, 0, cloexec))),
        ("components", "launch", insert(rooted, "openat", "etc/passwd", (7, 0, cloexec))),
        ("components", "launch", insert(rooted, "mkdirat", "dev/pts", (7,))),
        ("resolve", "launch", change(bounded, resolve=0)),
        ("resolve", "launch", change(bounded, resolve=0x10)),
        ("resolve", "launch", change(bounded, resolve=0x02, path="dev/pts")),
        ("resolve", "create", insert(rooted, "openat2", "user", (7,), flags=cloexec, resolve=0)),
        ("mounts", "launch", insert(find("pivot_root"), "mount", "none", path2="/")),
        ("mounts", "launch", change(find("move_mount"), args=[20, 0, 23, 0, 0x04, 0])),
        ("mounts", "create", change(find("move_mount"), path2="proc")),
        ("mounts", "launch", insert(rooted, "open_tree", "dir", (7, 0, 1))),
        ("mounts", "launch", change(find("mount_setattr"), path="dir")),
        ("mounts", "launch", change(find("pivot_root"), path2="old")),
        ("mounts", "launch", change(find("umount2"), args=[0] * 6)),
        ("mounts", "launch", drop(find("umount2"))),
        ("never", "launch", insert(rooted, "chown", "x")),
        ("never", "delete", insert(find("openat"), "chmod", "x")),
        ("open_flags", "launch", insert(rooted, "openat", "x", (7, 0, 0))),
        ("open_flags", "launch", insert(rooted, "openat", "x", (7, 0, cloexec | 0o101))),
        ("open_flags", "launch", insert(after(find("umount2")), "openat", "x", (7, 0, cloexec | 0o1001))),
        ("order_init", "launch", drop(no_new_privs)),
        ("order_init", "exec", drop(no_new_privs)),
        ("order_init", "launch", move(no_new_privs, filtered)),
        ("order_init", "launch", move(landlock, filtered)),
        ("order_init", "launch", insert(landlock, "move_mount", "", (1, 0, 2, 0, 0x44), path2="")),
        ("order_init", "launch", move(last("setgroups"), last("setresuid"))),
        ("order_init", "launch", drop_later("prctl", last("setresuid"), lambda e: e["args"][:2] == [4, 0])),
        ("order_init", "launch", insert(last("capset"), "prctl", None, (24, 1))),
        ("order_init", "launch", insert(filtered, "openat", "/", (cwd, 0, cloexec))),
        ("order_init", "exec", move(find("close_range", lambda e: e["p"] != "0"), find("execveat"))),
        ("order_host", "launch", drop(hidden)),
        ("order_host", "exec", drop(hidden)),
        ("order_host", "launch", insert(find("pivot_root"), "unshare", None, (0x10000000,))),
        ("order_host", "launch", drop(find("openat2", lambda e: e["path"].endswith("/uid_map") and e["flags"] & 3))),
        ("programs", "launch", insert(filtered, "execveat", "/bin/sh", (3,))),
        ("programs", "unpack", execute(find("execve", lambda e: e["p"] != "0"), "/usr/bin/gzip")),
        ("worker", "unpack", insert(filtered, "openat", "/etc/passwd", (cwd, 0, cloexec))),
        ("worker", "unpack", insert(filtered, "openat", "link", (3, 0, cloexec))),
        ("worker", "unpack", insert(filtered, "fchmodat", "link", (3, 0, 0o777))),
        ("worker", "unpack", insert(filtered, "newfstatat", "link", (3,))),
    )


# Steps left out of a real launch: what the oracle must say then. verify would end most of these launches before the filter.
LEFT_OUT = {"hide from ptrace": "order_host", "start session": "order_init", "drop bounding set": "order_init", "close descriptors": "order_init"}


def check_plants(clean):
    """The plants that no rule, or another one than it should, has noticed."""
    wrong = []
    for number, (rule, verb, spoil) in enumerate(planted()):
        trace = copy.deepcopy(clean[verb])
        try:
            spoil(trace)
        except (StopIteration, ValueError):
            wrong.append(f"plant {number} ({rule}, {verb}): no such call in the trace")
        if not any(text.startswith(rule + ":") for text in trace_rules.judge(trace)):
            wrong.append(f"plant {number} ({rule}, {verb})")
    rules = {rule for rule, _, _ in planted()}
    wrong += [f"no plant for {rule.__name__}" for rule in trace_rules.RULES if rule.__name__.removeprefix("rule_") not in rules]
    return wrong


def check_mutants(lab, mutant):
    wrong = []
    rootfs = f"rootfs:{lab.bundle().save() / 'rootfs'}"
    for steps, rule in LEFT_OUT.items():
        _, trace = traced.traced(lab, "launch", rootfs, "--", "/bin/true", binary=mutant, environment={"CASEMATE_LEAVE_OUT": steps + ",verify from inside"})
        if not any(text.startswith(rule + ":") for text in trace_rules.judge(trace, places(lab))):
            wrong.append(f"left out {steps}: {rule} says nothing")
    return wrong


def main():
    if os.geteuid() != 0 or not traced.tracer():
        print("skipped: needs root and security_tracer")
        sys.exit(77)
    os.umask(0o022)
    began, failed, count, clean = time.monotonic(), [], 0, {}
    for mode in ("root", "userns", "rootless"):
        lab = harness.Lab(mode)
        try:
            for name, result, trace in traces(lab):
                violations = trace_rules.judge(trace, places(lab))
                if result.code != 0:
                    violations.append(f"did not run: {result}")
                if mode == "userns":
                    clean[name] = trace
                calls = sum("call" in event for event in trace)
                count += calls
                print(f"{'not ok' if violations else 'ok'} {mode} {name}: {calls} calls", *violations, sep="\n    ")
                failed += violations
            mutant = pathlib.Path(os.environ.get("CASEMATE_MUTANT", ""))
            if mode == "root" and mutant.is_file():
                failed += check_mutants(lab, mutant)
        finally:
            lab.close()
    wrong = check_plants(clean)
    failed += wrong
    print(*failed, sep="\n")
    print(f"trace oracle: {count} calls of {len(clean)} verbs in 3 modes, {len(trace_rules.RULES)} rules, {len(planted())} plants and {len(LEFT_OUT)} steps left out, {len(failed)} wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
