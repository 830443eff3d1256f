#!/usr/bin/env python3
"""The same bundles under runc, crun and casemate (`oci` verbs, no ceiling): what the app is and can do there must be the same.

Inside runs casemate-probe and a look at /proc, so that each fact has a name and a value. Where casemate's value is another
than runc's or crun's (Debian 12's: 1.1 and 1.8), differences.json explains it; a difference that it does not explain fails, and so does an explanation
of what no longer happens. differential.py [--show] prints all differences.
Exit codes: 0 as explained, 1 not, 77 a need is unmet. The last line counts.
"""
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from harness import Failure, Lab, Result, enter_private

EXPLAINED = pathlib.Path(__file__).with_name("differences.json")
PEERS = ("runc", "crun")

NAMESPACES = {"NEWNS": 0x20000, "NEWCGROUP": 0x2000000, "NEWUTS": 0x4000000, "NEWIPC": 0x8000000, "NEWUSER": 0x10000000, "NEWPID": 0x20000000, "NEWNET": 0x40000000}
PATHS = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/sys", "/proc/sysrq-trigger", "/proc/bus", "/proc/self/oom_score_adj", "/proc/1/mem",
         "/sys/kernel", "/etc", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/tty", "/dev/ptmx", "/dev/kmsg", "/dev/mem", "/dev/console")
ACTS = [("ids", ""), ("capabilities", ""), ("bounding", ""), ("umask", ""), ("hostname", ""), ("descriptors", ""), ("directory-descriptors", ""), ("working-directory", ""),
        ("environment", "HOME LD_* CASEMATE* _LIBCONTAINER* NOTIFY_SOCKET LISTEN_*"), ("session", ""), ("setuid", "0"), ("setgid", "0"), ("setuid", "1000"), ("setgroups", ""),
        ("nice", ""), ("own-pid", ""), ("foreign-processes", ""), ("parent-descriptors", ""), ("root-of-1", ""), ("chroot", "/"), ("mount", "/"), ("interfaces", ""),
        ("ptrace-attach", ""), ("copy-memory", "read"), ("pidfd-getfd", ""), ("open-memory", ""), ("create", "/"), ("create", "/tmp"), ("create", "/dev"), ("create", "/proc"),
        ("exec-from", "/tmp"), ("exec-from", "/dev"), ("map-from", "/dev"), ("wx-mmap", ""), ("memfd-exec", ""), ("read-implies-exec", ""), ("foreign", "i386"), ("foreign", "x32"),
        *(("raise-capability", str(number)) for number in (0, 1, 5, 12, 13, 18, 19, 21, 27)), *(("get-setting", str(option)) for option in (3, 7, 21, 27, 39)),
        *(("unshare", str(bit)) for bit in NAMESPACES.values()), *(("clone", f"{bit:x}") for bit in NAMESPACES.values()),
        *((kind, path) for path in PATHS for kind in ("read", "write")), *(("mount-flags", f"{path} ro") for path in PATHS[:7]),
        # add_key, keyctl, bpf, perf_event_open, userfaultfd, init_module, kexec_load, swapon, reboot, settimeofday, mount, ptrace, personality, acct
        *(("calls", f"{number:x}:ffffffffffffffff,ffffffffffffffff,ffffffffffffffff,ffffffffffffffff,ffffffffffffffff") for number in
          (248, 250, 321, 298, 323, 175, 246, 167, 169, 164, 165, 101, 163, 304, 272, 308, 425, 434, 435, 437))]
# What of /proc/self/status is the app's own and the same every time.
STATUS = r"^(Umask|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Sig(Blk|Ign|Cgt)|Cpus_allowed_list|Speculation\w+|THP_enabled|CoreDumping):[ \t]*(.*)$"
LOOK = ("/bin/busybox sh -c 'exec 2>&1; for f in status limits mountinfo oom_score_adj timerslack_ns personality environ loginuid; do echo \"== $f\"; cat /proc/self/$f; echo; done; "
        "echo == dev; cd /dev; for f in * pts/*; do stat -c \"%n %f %u %g %t:%T\" $f; done; echo == keys; cat /proc/keys; echo == proc1; cat /proc/1/comm; "
        "echo == links; for f in /dev/fd /dev/stdin /dev/core; do readlink $f; done; echo == id; id; echo == pwd; pwd; echo == uname; uname -n'")


def filter_rules():
    """A filter with each kind of rule that needs no more than 32 bits of an argument."""
    deny = [{"names": ["bpf", "userfaultfd"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            {"names": ["keyctl", "add_key", "reboot"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [{"index": 0, "value": 0x400000, "op": "SCMP_CMP_EQ"}]},
            {"names": ["swapon", "acct"], "action": "SCMP_ACT_KILL_PROCESS"}]
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": deny}


def variants(lab):
    """NAME, bundle: the shapes that engines send."""
    podman = [f"CAP_{name}" for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT")]
    every = {name: podman for name in ("bounding", "effective", "permitted")}

    def plain(config): ...
    def capable(config):
        config["process"] |= {"noNewPrivileges": False, "capabilities": every, "oomScoreAdj": 200, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 512, "hard": 1024}]}
    def user(config):
        config["process"] |= {"user": {"uid": 1000, "gid": 1000, "additionalGids": [5, 27], "umask": 0o27}, "capabilities": every | {"ambient": ["CAP_KILL"], "inheritable": ["CAP_KILL"]}}
    def filtered(config):
        config["process"] |= {"capabilities": every}
        config["linux"]["seccomp"] = filter_rules()
    def readonly(config):
        config["root"]["readonly"] = True
        config["mounts"] += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "noexec", "size=1m", "mode=1777"]},
                             {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64k"]},
                             {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
                             {"destination": "/mnt", "type": "bind", "source": str(lab.scratch / "volume"), "options": ["rbind", "ro", "nosuid"]}]
    def mapped(config):
        config["linux"]["namespaces"].append({"type": "user"})
        for ids in ("uidMappings", "gidMappings"):
            config["linux"][ids] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        config["process"] |= {"capabilities": every}

    (lab.scratch / "volume").mkdir()
    for change in (plain, capable, user, filtered, readonly, mapped):
        bundle = lab.bundle()
        (bundle.rootfs / "mnt").mkdir()
        shutil.copy(lab.binary.parent / "casemate-probe", bundle.rootfs / "bin/probe")
        bundle.config["linux"]["cgroupsPath"] = f"/{lab.scratch.name}"
        change(bundle.config)
        yield change.__name__, bundle


def mount_facts(text):
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 9:
            continue
        dash = fields.index("-")
        shared = [tag.split(":")[0] for tag in fields[6:dash]]
        below = "" if fields[3] == "/" else " of a part" if not fields[3].startswith("/tmp/") else ""
        yield f"mount {fields[4]}", f"{fields[dash + 1]}{below} {','.join(sorted(set(fields[5].split(',')) - {'relatime'}))} {' '.join(shared)}".strip()


def facts_of(out):
    """Names and values of what the app has seen."""
    facts, sections = {}, dict(re.findall(r"^== (\w+)\n(.*?)(?=^== |\Z)", out, re.M | re.S))
    for name, _, value in re.findall(STATUS, sections.get("status", ""), re.M):
        facts[f"status {name}"] = " ".join(value.split())
    for line in sections.get("limits", "").splitlines()[1:]:
        fields = re.split(r"\s{2,}", line.strip())
        facts[f"limit {fields[0]}"] = " ".join(fields[1:3])
    facts.update(mount_facts(sections.get("mountinfo", "")))
    for line in sections.get("dev", "").splitlines():
        name, _, value = line.partition(" ")
        facts[f"dev {name}"] = value
    facts["environ"] = " ".join(sorted(word for word in sections.get("environ", "").strip().split("\0") if word and not word.startswith(("SHLVL=", "PWD="))))
    for name in ("oom_score_adj", "timerslack_ns", "personality", "loginuid", "links", "id", "pwd", "uname", "keys", "proc1"):
        facts[name] = " ".join(sections.get(name, "").split())
    return facts


class Trial:
    def __init__(self, lab):
        self.lab = lab

    def run(self, runtime, bundle):
        words = [str(self.lab.binary), "--root", str(self.lab.state)] if runtime == "casemate" else [runtime, "--root", str(self.lab.scratch / runtime)]
        if runtime == "crun" and pathlib.Path("/sys/fs/cgroup/unified").exists():
            # It refuses hybrid hierarchies: it runs where it sees the one of v2.
            words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'umount -lR /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"', "-", *words, "--cgroup-manager=disabled"]
        done = subprocess.run([*words, "run", "--bundle", str(bundle.path), self.lab.scratch.name], env=self.lab.environment, cwd=self.lab.scratch, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
        return Result(done)

    def facts(self, runtime, bundle):
        """Two runs: a shell that looks around, and the probe as the app itself."""
        bundle.shell(LOOK[len("/bin/busybox sh -c '"):-1]).save()
        looked = self.run(runtime, bundle)
        bundle.config["process"]["args"] = ["/bin/probe", *(word for act in ACTS for word in act)]
        bundle.save()
        probed = self.run(runtime, bundle)
        lines = probed.out.splitlines()
        self.lab.check("== uname" in looked.out and len(lines) == len(ACTS), f"{runtime} does not run {bundle.path}: {looked.err[-500:]} {probed.err[-500:]}")
        facts = facts_of(looked.out)
        for act, line in zip(ACTS, lines):
            facts[" ".join(("probe", *act)).strip()] = line.partition(" ")[2]
        return facts


def compare(lab):
    """(variant, fact, peer): (casemate's value, the peer's), where they differ; and how many were compared."""
    trial, found, compared = Trial(lab), {}, 0
    for name, bundle in variants(lab):
        seen = {runtime: trial.facts(runtime, bundle) for runtime in ("casemate", *PEERS)}
        for peer in PEERS:
            for fact in sorted(set(seen["casemate"]) | set(seen[peer])):
                compared += 1
                ours, theirs = seen["casemate"].get(fact, "-"), seen[peer].get(fact, "-")
                if ours != theirs:
                    found[name, fact, peer] = (ours, theirs)
    return found, compared


def judge(found, explanations):
    """Differences that nothing explains, and explanations of nothing."""
    used, unexplained = set(), []
    for (variant, fact, peer), (ours, theirs) in found.items():
        for number, entry in enumerate(explanations):
            if (peer in entry["peers"] and any(fnmatch.fnmatchcase(fact, pattern) for pattern in entry["facts"]) and variant in entry.get("variants", [variant])
                    and fnmatch.fnmatchcase(ours, entry.get("casemate", "*")) and fnmatch.fnmatchcase(theirs, entry.get("theirs", "*"))):
                used.add((number, peer))
                break
        else:
            unexplained.append(f"{variant}: {fact}: casemate {ours!r}, {peer} {theirs!r}")
    stale = [f"no longer so with {peer}: {entry['facts']}: {entry['why']}" for number, entry in enumerate(explanations) for peer in entry["peers"] if (number, peer) not in used]
    return unexplained, stale


def self_test(found, explanations):
    """An explanation too few and one too many are both noticed."""
    fewer = judge(found, explanations[1:])[0]
    more = judge(found, [*explanations, {"facts": ["no such fact"], "peers": ["runc"], "why": "planted"}])[1]
    return bool(fewer) and len(more) == 1


def main():
    missing = [name for name in PEERS if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        print(f"skipped: needs {' '.join(missing) or 'root'}")
        return 77
    enter_private()
    os.umask(0o022)
    lab = Lab("root")
    try:
        found, compared = compare(lab)
    except Failure as failure:
        print(f"not ok {failure}")
        return 1
    finally:
        time.sleep(0.1)
        lab.close()
    explanations = json.loads(EXPLAINED.read_text())["differences"] if EXPLAINED.exists() else []
    if "--show" in sys.argv:
        for (variant, fact, peer), (ours, theirs) in sorted(found.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])):
            print(f"{fact} | {peer} {variant} | {ours} | {theirs}")
    unexplained, stale = judge(found, explanations)
    for line in unexplained + stale:
        print(f"not ok {line}")
    good = not unexplained and not stale and self_test(found, explanations)
    print(f"differential: 6 bundles, {compared} facts compared with {' and '.join(PEERS)}, {len(found)} differ, unexplained {len(unexplained)}, explained but gone {len(stale)}")
    return 0 if good else 1


sys.exit(main())
