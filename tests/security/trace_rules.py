"""The rules of the trace oracle (SECURITY H2): what a trace of the launcher's system calls must never hold.

A trace is a list of events of security_tracer. Each rule is a function from a trace to the violations it sees, so that
trace_self_test.py can show of each that it notices what it is there for. The rules know the roles by what they do: the
process that opens the root and clones is the host, the one that loads the filter is init, and so on.
"""
import re

AT_FDCWD = 0xFFFFFF9C
EMPTY_PATH, NOFOLLOW = 0x1000, 0x100
O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW, O_CLOEXEC, O_PATH = 0o100, 0o200, 0o1000, 0o400000, 0o2000000, 0o10000000
NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT = 0x02, 0x04, 0x08, 0x10
CLONE_NEWUSER, CLONE_PIDFD = 0x10000000, 0x1000
PR_CAPBSET_DROP, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 24, 4, 38

# Calls that take (directory, path) pairs: the indexes of the directories, beside path and path2.
DIRECTORIES = {
    "openat": (0,), "openat2": (0,), "open_tree": (0,), "move_mount": (0, 2), "mount_setattr": (0,), "newfstatat": (0,), "statx": (0,), "faccessat": (0,),
    "faccessat2": (0,), "readlinkat": (0,), "mkdirat": (0,), "mknodat": (0,), "unlinkat": (0,), "renameat": (0, 2), "renameat2": (0, 2), "linkat": (0, 2),
    "fchmodat": (0,), "fchmodat2": (0,), "fchownat": (0,), "utimensat": (0,), "execveat": (0,), "fspick": (0,), "name_to_handle_at": (0,),
}
NO_PATHS = ("fsopen", "memfd_create", "sethostname", "fsetxattr", "inotify_add_watch")
# What the host may name absolutely after the root is open: nothing of it is in an image's hands.
HOST_PLACES = ("/sys/fs/cgroup",)
HOST_FILES = re.compile(r"/proc(/filesystems|/[0-9]+/task/[0-9]+/children)?|/etc/localtime|/dev/(null|kmsg|ptmx)")
MAP_HELPERS = ("/usr/bin/newuidmap", "/usr/bin/newgidmap")
# Opened without O_CLOEXEC: for the standard streams of a program, and by libcrypto.
NOT_OURS = ("/dev/null", "/usr/lib/ssl/openssl.cnf")
HARMLESS_AFTER_FILTER = {"execveat", "capset", "write", "read", "exit_group", "close", "recvfrom", "sendto", "poll", "ppoll"}
# Changing the mount table of the host, or a file by its path: not in any of our processes.
NEVER = {"mount", "chroot", "chmod", "chown", "lchown", "truncate", "creat", "mknod", "link", "symlink", "rename", "init_module", "swapon"}


def calls(trace, *names, process=None):
    for event in trace:
        if event.get("call") in names and (process is None or event["p"] == process):
            yield event


def paths_of(event):
    """(directory or None, path) of each path that the call takes."""
    call = event["call"]
    if call in NO_PATHS or "path" not in event:
        return
    if call in ("symlinkat", "symlink"):
        yield (event["args"][1] & 0xFFFFFFFF if call == "symlinkat" else None, event["path2"])
        return
    directories = DIRECTORIES.get(call)
    for index, key in enumerate(("path", "path2")):
        if key in event:
            yield (event["args"][directories[index]] & 0xFFFFFFFF if directories else None, event[key])


def said(event):
    return f"{event['p']} call {event['n']}: {event['call']} {' '.join(repr(event[key]) for key in ('path', 'path2') if key in event)}".rstrip()


def index_of(trace, found, start=0):
    for index in range(start, len(trace)):
        if found(trace[index]):
            return index
    return None


def root_opened(trace):
    """Where the host has its root: the first O_PATH directory that is opened by an absolute path through openat2. An unpacker
    has its own before its worker is born."""
    opened = index_of(trace, lambda e: e.get("call") == "openat2" and e["path"].startswith("/") and e["flags"] & O_PATH and e["flags"] & O_NOFOLLOW)
    for worker in workers(trace):
        born = index_of(trace, lambda e, name=worker: e.get("child") == name)
        opened = born if opened is None else opened
    return opened


def loaders(trace):
    """The processes that load a filter: name -> index of the load."""
    found = {}
    for index, event in enumerate(trace):
        if event.get("call") == "seccomp" and event["args"][0] == 1 and event.get("gave") is not None and event["gave"] >= 0:
            found.setdefault(event["p"], index)
    return found


def inits(trace):
    """Those that become an app: name -> index of their last step, the filter, or of the exec where none is asked for."""
    executed = {event["p"]: index for index, event in enumerate(trace) if event.get("call") == "execveat"}
    return executed | {name: at for name, at in loaders(trace).items() if name in executed}


def workers(trace):
    """Those that load a filter and go on: the unpacker's."""
    executed = {event["p"] for event in calls(trace, "execveat")}
    return {name: at for name, at in loaders(trace).items() if name not in executed}


def inside(trace):
    """Per event: is its process in a root of the container's, so that a path of its is the container's?"""
    entered, out = set(), []
    for event in trace:
        if event.get("event") == "born" and event["p"] in entered:
            entered.add(event["child"])
        if event.get("call") == "umount2" and event["path"] == "." or event.get("call") == "setns":
            entered.add(event["p"])
        out.append(event["p"] in entered if "p" in event else False)
    return out


def taken_by_name(trace, index):
    """A root or a source, as its owner names it: only a handle is taken, it is looked at before anything else is done, and this
    process does it once. (Rootless, init takes again what the host took: open_tree refuses descriptors of another namespace.)"""
    event = trace[index]
    if event["call"] != "openat2" or not event["path"].startswith("/") or not event["flags"] & O_PATH or event["gave"] is None:
        return False
    following = next((later for later in trace[index + 1:] if later.get("p") == event["p"] and "call" in later), None)
    looked_at = following and following["call"] == "newfstatat" and following["args"][0] == event["gave"] and following["path"] == ""
    taken = sum(other["p"] == event["p"] and other["path"] == event["path"] for other in calls(trace, "openat2"))
    return (looked_at or event["gave"] < 0) and taken == 1


def rule_paths(trace, places=()):
    """After the root is open no path starts at the working directory or the host's root, but for a short list."""
    start, contained = root_opened(trace), inside(trace)
    if start is None:
        return []
    bad = []
    for index in range(start + 1, len(trace)):
        event = trace[index]
        if "call" not in event or contained[index] or taken_by_name(trace, index):
            continue
        for directory, path in paths_of(event):
            if event["call"] == "openat2" and event["resolve"] & IN_ROOT and directory != AT_FDCWD:
                continue  # below that directory, whatever it begins with
            if directory not in (None, AT_FDCWD) and not path.startswith("/"):
                continue
            if HOST_FILES.fullmatch(path) or any(path == place or path.startswith(place + "/") for place in (*HOST_PLACES, *places)):
                continue
            if event["call"] in ("pivot_root", "umount2") and path == ".":
                continue
            if path in ("/", ".") and event["call"] in ("openat", "chdir") or event["call"] in ("execve", "execveat"):
                continue  # the own root, to leave it; programs have their own rule
            bad.append(said(event))
    return bad


def rule_components(trace, _places=()):
    """A path of several components, or one that may be a link, is resolved by openat2 with bounds; others take one name."""
    bad, origin = [], {}
    for event in trace:
        if "call" not in event:
            continue
        for directory, path in paths_of(event):
            if event["call"] == "openat2" or directory in (None, AT_FDCWD) or "/" not in path:
                continue
            if not origin.get((event["p"], directory), "").startswith("proc"):
                bad.append(said(event))
        if event.get("gave") is not None and event["gave"] >= 0:
            if event["call"] == "fsopen" and event["path"] == "proc":
                origin[event["p"], event["gave"]] = "proc context"
            elif event["call"] == "fsmount" and origin.get((event["p"], event["args"][0])) == "proc context":
                origin[event["p"], event["gave"]] = "proc"
            elif event["call"] == "openat" and event["path"] == "/proc":
                origin[event["p"], event["gave"]] = "proc"
            elif event["call"] in ("openat", "openat2", "fsopen", "fsmount", "open_tree", "memfd_create", "socket", "dup", "fcntl"):
                origin.pop((event["p"], event["gave"]), None)
    return bad


def rule_resolve(trace, _places=()):
    """openat2 has its bounds: in the root or beneath, never through a magic link. What has none takes one name, no link."""
    bad, contained = [], inside(trace)
    procfs_directories = set()
    for index, event in enumerate(trace):
        if event.get("call") != "openat2":
            continue
        resolve, flags, path = event["resolve"], event["flags"], event["path"]
        directory = event["args"][0] & 0xFFFFFFFF
        bounded = resolve & (IN_ROOT | BENEATH) and (resolve & (NO_MAGICLINKS | NO_SYMLINKS) or flags & O_NOFOLLOW)
        single = "/" not in path and path != ".." and (flags & (O_NOFOLLOW | O_EXCL) or path == ".")
        magic = path in ("root", "user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time", "exe") and (event["p"], directory) in procfs_directories
        named = not contained[index] and taken_by_name(trace, index)
        own = contained[index] and resolve & NO_MAGICLINKS  # the container's own paths, from within it
        if not (bounded or single or magic or named or own):
            bad.append(said(event))
        # /proc/PID and /proc/PID/ns, themselves reached without any link: the one step that may be a magic link is the last.
        if event.get("gave") is not None and event["gave"] >= 0:
            reached = re.fullmatch(r"[0-9]+(/ns)?", path) and resolve & BENEATH and resolve & NO_SYMLINKS
            (procfs_directories.add if reached else procfs_directories.discard)((event["p"], event["gave"]))
    return bad


def rule_mounts(trace, _places=()):
    """Mounts go from descriptor to descriptor, and nothing else than the old root is ever unmounted."""
    bad, own = [], set()

    def one_own_name(event, directory, path):  # in a tmpfs that this very process has made, or a clone of it
        return (event["p"], event["args"][directory]) in own and "/" not in event[path]

    for event in trace:
        call, args = event.get("call"), event.get("args")
        if call == "fsmount":
            own.add((event["p"], event["gave"]))
        if call == "open_tree" and not event["path"] and (event["p"], args[0]) in own:
            own.add((event["p"], event["gave"]))
        wrong = (
            call == "mount"
            or call == "move_mount" and (args[4] & 0x04 != 0x04 or event["path"] or event["path2"] and not one_own_name(event, 2, "path2") or not event["path2"] and not args[4] & 0x40)
            or call == "open_tree" and (not args[2] & EMPTY_PATH or event["path"]) and not one_own_name(event, 0, "path")
            or call == "mount_setattr" and (not args[2] & EMPTY_PATH or event["path"])
            or call == "fspick" and event["path"]
            or call == "pivot_root" and (event["path"], event["path2"]) != (".", ".")
            or call == "umount2" and (event["path"] != "." or not args[1] & 2)
        )
        if wrong:
            bad.append(said(event))
    for name in {event["p"] for event in calls(trace, "pivot_root")}:
        order = [event["call"] for event in trace if event.get("p") == name and event.get("call") in ("pivot_root", "umount2", "chdir")]
        at = order.index("pivot_root")
        # The old root, and where mounts were cloned in their turn the tree that they were cloned in.
        if order[at + 1:at + 3] != ["umount2", "chdir"] and order[at + 1:at + 4] != ["umount2", "umount2", "chdir"]:
            bad.append(f"{name}: after pivot_root: {order[at + 1:at + 4]}")
    return bad


def rule_never(trace, _places=()):
    """Calls that act on a path's last component wherever it leads, or change the machine: nobody of ours makes them."""
    return [said(event) for event in trace if event.get("call") in NEVER]


def rule_open_flags(trace, _places=()):
    """Every descriptor is close-on-exec from birth; what is created is not followed into, nothing is truncated by path."""
    bad, contained = [], inside(trace)
    for index, event in enumerate(trace):
        if event.get("call") not in ("open", "openat", "openat2") or event.get("gave", -1) is None or event.get("gave", -1) < 0:
            continue
        flags = event["flags"] if event["call"] == "openat2" else event["args"][2 if event["call"] == "openat" else 1]
        if event["path"] in NOT_OURS:
            continue
        if not flags & O_CLOEXEC or flags & O_CREAT and not flags & O_NOFOLLOW and not flags & O_EXCL or contained[index] and flags & O_TRUNC:
            bad.append(said(event))
    return bad


def before(trace, process, first, second, what):
    """Both happen in `process`, and the last `first` before the first `second`."""
    firsts = [index for index, event in enumerate(trace) if event.get("p") == process and "call" in event and first(event)]
    seconds = [index for index, event in enumerate(trace) if event.get("p") == process and "call" in event and second(event)]
    if not firsts or not seconds:
        return [f"{process}: {what}: {'the first' if not firsts else 'the second'} is missing"]
    return [] if firsts[-1] < seconds[0] else [f"{process}: {what}: {said(trace[seconds[0]])} is before {said(trace[firsts[-1]])}"]


def is_call(name, *args):
    return lambda event: event["call"] == name and all(have == want for have, want in zip(event["args"], args))


def rule_order_init(trace, _places=()):
    """The order of SECURITY section 6 in each process that becomes an app."""
    bad = []
    for name, at in inits(trace).items():
        own = [event for event in trace if event.get("p") == name and "call" in event]
        load = lambda e, last=trace[at]["n"]: e["n"] >= last
        no_new_privs = is_call("prctl", PR_SET_NO_NEW_PRIVS)
        bounding = is_call("prctl", PR_CAPBSET_DROP)
        resuid, resgid, groups = (lambda e: e["call"] == "setresuid"), (lambda e: e["call"] == "setresgid"), (lambda e: e["call"] == "setgroups")
        landlock = is_call("landlock_restrict_self")
        last_ids = [event for event in own if event["call"] == "setresuid"][-1:]
        bad += before(trace, name, no_new_privs, load, "no_new_privs before the filter")
        bad += before(trace, name, no_new_privs, bounding, "no_new_privs before the credentials")
        bad += before(trace, name, is_call("close_range"), load, "descriptors closed before the filter")
        bad += before(trace, name, bounding, lambda e: e["call"] == "capset", "bounding set before the capability sets")
        bad += before(trace, name, is_call("setsid"), bounding, "an own session before the credentials")
        bad += before(trace, name, lambda e: e["call"] == "capset", load, "capabilities dropped before the filter")
        if last_ids and any(groups(e) for e in own):
            later = lambda e, last=last_ids[0]: e["call"] == "setresuid" and e["n"] >= last["n"]
            bad += before(trace, name, groups, later, "groups before the uid")
            bad += before(trace, name, resgid, later, "gid before the uid")
            bad += before(trace, name, bounding, later, "bounding set before the uid")
            bad += before(trace, name, resuid, lambda e: e["call"] == "capset", "uid before the capability sets")
            hidden = [event["n"] for event in own if event["call"] == "prctl" and event["args"][:2] == [PR_SET_DUMPABLE, 0]]
            if not hidden or hidden[-1] < last_ids[0]["n"]:
                bad.append(f"{name}: dumpable again after {said(last_ids[0])}")
        if any(landlock(e) for e in own):
            bad += before(trace, name, landlock, load, "Landlock before the filter")
            bad += before(trace, name, no_new_privs, landlock, "no_new_privs before Landlock")
            bad += before(trace, name, lambda e: e["call"] in ("move_mount", "pivot_root"), landlock, "mounts before Landlock") if any(e["call"] == "move_mount" for e in own) else []
        if any(e["call"] == "pivot_root" for e in own):
            bad += before(trace, name, is_call("pivot_root"), bounding, "the new root before the credentials")
        after = [event for event in trace[at + 1:] if event.get("p") == name and "call" in event]
        until = index_of(after, lambda e: e["call"] == "execveat")
        bad += [f"{name}: after the filter: {said(event)}" for event in after[:until] if event["call"] not in HARMLESS_AFTER_FILTER]
    return bad


def rule_order_host(trace, _places=()):
    """The host hides before it clones or joins, holds what it clones by a pidfd, and maps gids before uids."""
    bad = []
    births = [(index, event) for index, event in enumerate(trace) if event.get("call") == "clone3" and event.get("flags", 0) & CLONE_PIDFD]
    if not births:
        return bad
    index, birth = births[0]
    if birth["flags"] & CLONE_NEWUSER and not any(event["path"].endswith("/uid_map") and event["flags"] & 3 for event in calls(trace, "openat2")) and not any(event.get("program") in MAP_HELPERS for event in trace):
        bad.append(f"{said(birth)}: nobody maps its ids")
    hides = [event for event in trace[:index] if event.get("call") == "prctl" and event["args"][:2] == [PR_SET_DUMPABLE, 0] and event["p"] == "0"]
    joins = list(calls(trace[:index], "setns"))
    rootless = any(event["call"] == "geteuid" and event["gave"] for event in trace if "call" in event)
    if not hides and (joins or not rootless):
        bad.append(f"not hidden before {said(birth)}")
    maps = [event["path"].rsplit("/", 1)[1] for event in calls(trace, "openat2") if re.search(r"/(gid_map|uid_map|setgroups)$", event["path"]) and event["flags"] & 3]
    if maps != sorted(maps, key=["setgroups", "gid_map", "uid_map"].index):
        bad.append(f"id maps in the order {maps}")
    bad += [said(event) for event in calls(trace, "unshare") if event["args"][0] & CLONE_NEWUSER]
    return bad


def rule_programs(trace, _places=()):
    """Nobody of ours executes anything but our own programs and the host's id map helpers; the stub by its descriptor only."""
    bad, contained, ours = [], inside(trace), False
    for index, event in enumerate(trace):
        if event.get("event") == "exec" and not contained[index]:
            program = event["program"].rsplit("/", 1)[-1]
            ours |= program.startswith("casemate")
            if ours and not program.startswith(("casemate", "memfd:casemate-stub")) and event["program"] not in MAP_HELPERS:
                bad.append(f"{event['p']} executes {event['program']}")
        if event.get("call") == "execveat" and (event["path"] or not event["args"][4] & EMPTY_PATH):
            bad.append(said(event))
    return bad


def rule_worker(trace, _places=()):
    """The unpacker writes only from its empty root, under its filter: no absolute path, one name at a time, no link followed."""
    bad = []
    for name, at in workers(trace).items():
        for event in trace[at + 1:]:
            if event.get("p") != name or "call" not in event:
                continue
            for directory, path in paths_of(event):
                call, args = event["call"], event["args"]
                # glibc's malloc asks once how much it may have; there is no such file in the empty root.
                fine = path == "/" and args[2] & O_CLOEXEC or path == "/proc/sys/vm/overcommit_memory" and event["gave"] < 0
                if (directory in (None, AT_FDCWD) or path.startswith("/")) and not fine:
                    bad.append(said(event))
                follows = path not in ("", ".", "/") and (
                    call == "openat" and not args[2] & (O_NOFOLLOW | O_EXCL) or call == "newfstatat" and not args[3] & NOFOLLOW
                    or call in ("fchownat", "fchmodat2") and not args[4 if call == "fchownat" else 3] & NOFOLLOW or call == "fchmodat" or call == "linkat" and args[4])
                if follows and not fine:
                    bad.append(said(event))
    return bad


RULES = (rule_paths, rule_components, rule_resolve, rule_mounts, rule_never, rule_open_flags, rule_order_init, rule_order_host, rule_programs, rule_worker)


def judge(trace, places=()):
    """All violations, each with its rule's name in front."""
    return [f"{rule.__name__.removeprefix('rule_')}: {text}" for rule in RULES for text in rule(trace, places)]
