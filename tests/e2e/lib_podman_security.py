"""Rows: what an app may do: capabilities, no_new_privs, seccomp, masked paths, sysctls, user and other namespaces."""
import json
import pathlib
import threading

from lib_podman import Failed, Skipped, capability, root_row, row, user_row

CHOWN, KILL, NET_RAW, SYS_ADMIN = 0, 5, 13, 21


def capabilities(case, *flags, field="CapEff"):
    return int(case.run("grep", field, "/proc/self/status", flags=flags).split()[1], 16)


@row("capabilities: podman's default set")
def _(case):
    seen = capabilities(case)
    if not seen & 1 << CHOWN or seen & 1 << SYS_ADMIN:
        raise Failed(f"{seen:x}")


@row("capabilities: all dropped")
def _(case):
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        case.equal(field, capabilities(case, "--cap-drop", "all", field=field), 0)


@row("capabilities: all dropped but one")
def _(case):
    case.equal("set", capabilities(case, "--cap-drop", "all", "--cap-add", "net_raw"), 1 << NET_RAW)


@row("capabilities: one added")
def _(case):
    if not capabilities(case, "--cap-add", "sys_admin") & 1 << SYS_ADMIN:
        raise Failed("no CAP_SYS_ADMIN")


@row("capabilities: none in effect for another user")
def _(case):
    case.equal("effective", capabilities(case, "--user", "app"), 0)


@row("capabilities: added ones are ambient for another user")
def _(case):
    case.equal("ambient", capabilities(case, "--user", "app", "--cap-drop", "all", "--cap-add", "kill", field="CapAmb"), 1 << KILL)


@row("capabilities: a dropped one denies the act")
def _(case):
    case.script("chown 1001 /tmp")
    case.script("chown 1001 /tmp", flags=["--cap-drop", "chown"], code=1, err="(?i)not permitted")


@row("--privileged: every capability that the caller has, no filter")
def _(case):
    case.equal("filter", case.run("grep", "Seccomp:", "/proc/self/status", flags=["--privileged"]).split()[1], "0")
    if not capabilities(case, "--privileged") & 1 << SYS_ADMIN:
        raise Failed("no CAP_SYS_ADMIN")


@row("no-new-privileges: on and off")
def _(case):
    for flags, wanted in ((["--security-opt", "no-new-privileges"], "1"), ([], "0")):
        case.equal(f"{flags}", case.run("grep", "NoNewPrivs", "/proc/self/status", flags=flags).split()[1], wanted)


@row("seccomp: podman's default filter is loaded")
def _(case):
    case.equal("mode", case.run("grep", "Seccomp:", "/proc/self/status").split()[1], "2")
    case.script("unshare -m true", code=1)


@row("seccomp: unconfined")
def _(case):
    case.equal("mode", case.run("grep", "Seccomp:", "/proc/self/status", flags=["--security-opt", "seccomp=unconfined"]).split()[1], "0")


def profile(case, action, names=("chmod", "fchmod", "fchmodat", "fchmodat2"), **more):
    path = case.work / "seccomp.json"
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
                                "syscalls": [{"names": list(names), "action": action, **more}]}))
    return ["--security-opt", f"seccomp={path}"]


@row("seccomp: an own profile denies chmod")
def _(case):
    case.script("chmod 700 /tmp", flags=profile(case, "SCMP_ACT_ERRNO"), code=1, err="(?i)not permitted")


@row("seccomp: an own errno")
def _(case):
    case.script("chmod 700 /tmp", flags=profile(case, "SCMP_ACT_ERRNO", errnoRet=28), code=1, err="(?i)no space left")


@row("seccomp: an argument's value decides")
def _(case):
    flags = profile(case, "SCMP_ACT_ERRNO", names=["kill"], args=[{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}])
    case.script("sh -c 'trap : USR2; kill -USR2 $$; kill -USR1 $$'", flags=flags, code=1, err="(?i)not permitted")


@row("seccomp: kill ends the app by SIGSYS")
def _(case):
    case.run("chmod", "700", "/tmp", flags=profile(case, "SCMP_ACT_KILL_PROCESS"), code=159)


@row("seccomp: a file that does not exist")
def _(case):
    case.run("true", flags=["--security-opt", "seccomp=/no/such/file"], code=125)


@row("masked and read-only paths of podman's default")
def _(case):
    case.equal("masked", case.script("cat /proc/kcore /proc/keys /proc/timer_list | wc -c"), "0")
    case.script("echo 1 >/proc/sys/kernel/domainname", code=1)
    case.script("echo x >/proc/sysrq-trigger", code=1)


@row("mask= adds and unmask= removes a mask")
def _(case):
    case.equal("masked", case.run("ls", "/data", flags=["--security-opt", "mask=/data"]), "")
    case.script("test -d /sys/firmware && ls /proc/scsi", flags=["--security-opt", "unmask=/proc/scsi:/sys/firmware"], code=(0, 1))
    case.equal("mounts", case.script("grep -c ' /proc/' /proc/self/mountinfo", flags=["--security-opt", "unmask=ALL"], code=(0, 1)), "0")


@row("sysctl: of the network and ipc namespaces")
def _(case):
    flags = ["--sysctl", "net.ipv4.ping_group_range=0 100", "--sysctl", "kernel.shmmax=12345"]
    case.equal("values", case.script("cat /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shmmax", flags=flags).split(), ["0", "100", "12345"])


@row("sysctl: one of the host is refused")
def _(case):
    case.run("true", flags=["--sysctl", "kernel.panic=1"], code=(125, 126))


@row("hostname and host name file")
def _(case):
    case.equal("names", case.script("hostname; cat /etc/hostname", flags=["--hostname", "named"]).split(), ["named", "named"])


@row("namespaces: each is the container's own")
def _(case):
    kinds = ("mnt", "pid", "net", "ipc", "uts")
    seen = case.script("for n in mnt pid net ipc uts; do readlink /proc/self/ns/$n; done").split()
    for kind, inside in zip(kinds, seen):
        if inside == pathlib.Path(f"/proc/self/ns/{kind}").readlink().name:
            raise Failed(f"{kind} is ours")


@row("namespaces: --pid, --ipc and --uts of the host")
def _(case):
    if not pathlib.Path("/dev/mqueue").exists():
        raise Skipped("podman binds the host's /dev/mqueue, which this machine lacks")
    flags = ["--pid", "host", "--ipc", "host", "--uts", "host"]
    seen = case.script("for n in pid ipc uts; do readlink /proc/self/ns/$n; done", flags=flags).split()
    wanted = [str(pathlib.Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("pid", "ipc", "uts")]
    case.equal("namespaces", seen, wanted)


@row("namespaces: --pid and --ipc of another container")
def _(case):
    other = case.start("sleep", "304")
    look = "readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc"
    wanted = case.expect("exec", other, "sh", "-c", look)
    case.equal("namespaces", case.script(look, flags=["--pid", f"container:{other}", "--ipc", f"container:{other}"]), wanted)


@row("namespaces: --cgroupns private")
def _(case):
    ours = str(pathlib.Path("/proc/self/ns/cgroup").readlink())
    if case.run("readlink", "/proc/self/ns/cgroup", flags=["--cgroupns", "private"]) == ours:
        raise Failed("the host's")


# Podmans that map a layer at the same time wait for one another's locks (fcntl_setlk, futex), a minute and more. That is
# podman's: with the runtime runc 10 of the 12 rows that have a user namespace hang as well when this lock is left out.
MAPPING = threading.Lock()


def one_at_a_time(act):
    def locked(case):
        with MAPPING:
            act(case)
    return locked


@root_row("user namespace: --userns auto")
@one_at_a_time
def _(case):
    seen = case.run("cat", "/proc/self/uid_map", flags=["--userns", "auto"]).split()
    if seen[0] != "0" or int(seen[1]) < 1000000:
        raise Failed(str(seen))


@root_row("user namespace: --uidmap and --gidmap")
@one_at_a_time
def _(case):
    flags = ["--uidmap", "0:1200000:2000", "--gidmap", "0:1300000:2000"]
    case.equal("maps", case.script("cat /proc/self/uid_map /proc/self/gid_map", flags=flags).split(), ["0", "1200000", "2000", "0", "1300000", "2000"])
    case.equal("owner", case.run("stat", "-c", "%u", "/tmp", flags=flags), "0")


@root_row("user namespace: exec enters it")
@one_at_a_time
def _(case):
    name = case.start(flags=["--userns", "auto"])
    look = "readlink /proc/%s/ns/user"
    case.equal("namespace", case.expect("exec", name, "sh", "-c", look % "self"), case.expect("exec", name, "sh", "-c", look % "1"))
    case.equal("root", case.expect("exec", name, "id", "-u"), "0")


@root_row("user namespace: of another container")
@one_at_a_time
def _(case):
    other = case.start(flags=["--userns", "auto"])
    look = "readlink /proc/self/ns/user"
    case.equal("namespace", case.script(look, flags=["--userns", f"container:{other}"]), case.expect("exec", other, "sh", "-c", look))


@user_row("user namespace: --userns keep-id")
def _(case):
    import pwd
    from lib_podman import USER
    case.equal("id", case.run("id", "-u", flags=["--userns", "keep-id"]), str(pwd.getpwnam(USER).pw_uid))


@user_row("user namespace: --userns nomap")
def _(case):
    ids = case.run("cat", "/proc/self/uid_map", flags=["--userns", "nomap"])
    if not ids:
        raise Failed("no map")


@user_row("rootless: root inside is the caller outside")
def _(case):
    name = case.start()
    pid = case.inspect(name, ".State.Pid")
    owner = pathlib.Path(f"/proc/{pid}").stat().st_uid
    case.equal("owner", owner, case.engine.scratch.stat().st_uid)


@row("apparmor=unconfined and label=disable are accepted")
def _(case):
    case.run("true", flags=["--security-opt", "apparmor=unconfined", "--security-opt", "label=disable"])


@root_row("oom score")
def _(case):
    if not capability(24) and int(pathlib.Path("/proc/self/oom_score_adj").read_text()) > 100:
        raise Skipped("needs CAP_SYS_RESOURCE to lower it")
    case.equal("score", case.run("cat", "/proc/self/oom_score_adj", flags=["--oom-score-adj", "100"]), "100")


@row("no right at all, under --init")
def _(case):
    flags = ["--init", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--read-only", "--user", "app"]
    seen = case.script("id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /x 2>/dev/null || echo read-only", flags=flags).split()
    case.equal("state", seen, ["1001", "CapEff:", "0000000000000000", "NoNewPrivs:", "1", "read-only"])


@row("an image without anything but one file")
def _(case):
    import shutil
    import tarfile
    tar = case.work / "one.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(shutil.which("busybox"), "busybox")
    if case.rootless:
        shutil.chown(tar, "casemate-test")
    name = f"localhost/one-{case.number}"
    case.expect("import", str(tar), name)
    case.equal("output", case.expect("run", "--rm", "--network", "none", name, "/busybox", "echo", "alone"), "alone")
    case.expect("rmi", name)
