#!/bin/bash
# A config.json without a mount namespace: nothing that it mounts is ever seen in the caller's, nothing of the host is above
# its root, and it ends without a trace. What cannot be had this way is refused by name.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/bundle" "$scratch"/root/{bin,proc,dev,sys,tmp,mnt} "$scratch/data/below"
cp /bin/busybox "$scratch/root/bin/"
mount -t tmpfs none "$scratch/data/below" # of a peer group: it must stay in it
mount --make-shared "$scratch/data/below"
cat >"$scratch/escape.c" <<'C'
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
/* The classic way out of a chroot: a directory held from before a second one. Says where ".." ends. */
int main(void) {
    struct stat before, after;
    int root = open("/", O_RDONLY | O_DIRECTORY), up = 0;
    if (root < 0 || fstat(root, &before) != 0 || chroot("/mnt") != 0 || fchdir(root) != 0) return perror("chroot"), 1;
    while (up++ < 64) if (chdir("..") != 0) return perror("chdir"), 1;
    if (stat(".", &after) != 0) return perror("stat"), 1;
    puts(before.st_dev == after.st_dev && before.st_ino == after.st_ino ? "held" : "escaped");
    return 0;
}
C
cc -static -O1 -o "$scratch/root/bin/escape" "$scratch/escape.c"

# config [STATEMENTS]: no namespace at all, the mounts of an engine, and python statements applied to it ("c").
config() {
    python3 - "$scratch" "${1:-}" <<'PYTHON'
import json, sys
scratch, edit = sys.argv[1:]
def mount(at, kind, *options, source=None): return {"destination": at, "type": kind, "source": source or kind, "options": list(options)}
def shell(text): c["process"]["args"] = ["/bin/busybox", "sh", "-c", text]
c = {"ociVersion": "1.2.0", "root": {"path": scratch + "/root", "readonly": True},
     "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "true"],
                 "capabilities": {k: ["CAP_SYS_CHROOT", "CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}},
     "mounts": [mount("/proc", "proc", "nosuid"), mount("/dev", "tmpfs", "nosuid", "mode=755"), mount("/dev/pts", "devpts", "newinstance"),
                mount("/sys", "sysfs", "ro"), mount("/tmp", "tmpfs", "ro"), mount("/tmp/in", "none", "rbind", "rshared", source=scratch + "/data"),
                mount("/mnt", "none", "bind", "ro", source=scratch + "/data")],
     "linux": {"namespaces": [], "maskedPaths": ["/proc/keys", "/sys/firmware"], "readonlyPaths": ["/proc/sys"]}}
exec(edit)
json.dump(c, open(scratch + "/bundle/config.json", "w"))
PYTHON
}
table() { sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo | grep -v casemate-e2e.*/state | sort; }
run_it() { run run --bundle "$scratch/bundle" "$@" 2>&1; }
before=$(table)

say "it shares the namespace, and its mounts are its own"
config 'shell("""cd /; b=/bin/busybox; $b readlink /proc/self/ns/mnt; $b ls /tmp/in; for f in /x /tmp/x /sys/x /mnt/x /proc/sys/kernel/hostname; do $b touch $f 2>/dev/null && echo wrote $f; done
$b touch /dev/x /tmp/in/written && echo writable; $b cat /proc/keys | $b wc -c; $b ls /sys/firmware; $b wc -l </proc/self/mountinfo""")'
seen=$(run_it nons) || fail "run: $seen"
assert_eq "what it sees" "${seen//$'\n'/ }" "$(readlink /proc/self/ns/mnt) below writable 0 0"
[ -e "$scratch/data/written" ] || fail "the bind is not the host's directory"
assert_eq "the caller's mounts" "$(table)" "$before"

say "nothing is above its root"
config 'c["process"]["args"] = ["/bin/escape"]'
assert_eq "a second chroot" "$(run_it nons)" "held"
config 'shell("/bin/busybox mount -t tmpfs none /mnt && echo mounted; /bin/busybox umount /proc && echo unmounted"); c["process"]["env"] = ["PATH=/bin"]'
[[ $(run_it nons) != *mounted* ]] || fail "mounted in the caller's namespace"
assert_eq "the caller's mounts" "$(table)" "$before"

say "the verbs: state, ps, verify, kill, delete, without anything left"
config 'shell("/bin/busybox sleep 1000 & /bin/busybox sleep 1001"); c["linux"]["cgroupsPath"] = "/nons-%d"' 
sed -i "s/nons-%d/nons-$$/" "$scratch/bundle/config.json"
run create --bundle "$scratch/bundle" --pid-file "$scratch/pid" nons >"$scratch/create.log" 2>&1 </dev/null || fail create
assert_eq "the caller's mounts of a created one" "$(table)" "$before"
run start nons || fail start
assert_match state "$(run state nons)" '"status": "running"'
two_sleep() { [ "$(run ps nons | grep -c 'sleep 100')" -ge 2 ]; }
wait_for "both processes" 10 two_sleep
run verify nons >"$scratch/verify.log" || fail "verify: $(cat "$scratch/verify.log")"
for line in 'mount / .* ro' 'mount /tmp .*tmpfs ro' 'mount /mnt .* ro' 'masked /proc/keys .* tmpfs ro' 'readonly /proc/sys .* ro'; do
    grep -q "ok *$line" "$scratch/verify.log" || fail "verify does not say: $line"
done
assert_match "exec" "$(run exec nons /bin/busybox true 2>&1)" "no mount namespace of its own"
# From another namespace there would be one to join: its root is the host's.
seen=$(unshare -m "$scratch/bin/casemate" --root "$state" exec nons /bin/busybox ls / 2>&1) && fail "exec from another mount namespace: $seen"
assert_match "exec from another mount namespace" "$seen" "no mount namespace of its own"
pid=$(cat "$scratch/pid")
run kill nons KILL || fail kill
wait_for "its end" 10 bash -c "! kill -0 $pid 2>/dev/null"
run delete nons || fail delete
sleeping() { pgrep -f 'sleep 100[01]' | while read -r p; do [ "$(readlink "/proc/$p/exe")" != "$scratch/root/bin/busybox" ] || echo "$p"; done; }
assert_eq "processes after delete" "$(sleeping)" ""
assert_eq "the caller's mounts after all" "$(table)" "$before"

say "verify sees what is not as it should be"
config 'shell("/bin/busybox sleep 1000")'
run run --detach --bundle "$scratch/bundle" nons >"$scratch/run.log" 2>&1 </dev/null || fail "run --detach: $(cat "$scratch/run.log")"
wanted=$state/casemate/nons
python3 - "$state" <<'PYTHON' || fail "no record to change"
import glob, json, sys
done = 0
for name in glob.glob(sys.argv[1] + "/**/*.json", recursive=True):
    text = open(name).read()
    if '"/dev/pts"' in text and '"superOptions"' in text or '"mountPoint"' in text:
        open(name, "w").write(text.replace('"/dev/pts"', '"/mnt/none"')); done += 1
sys.exit(not done)
PYTHON
seen=$(run verify nons) && fail "verify is green although a mount is not there"
assert_match "verify" "$seen" "mount /mnt/none .*not mounted"
run delete --force nons || fail "delete --force"

say "what needs a mount namespace is refused by name"
refused() { # STATEMENTS REGEX [OPTION...]
    config "$1"
    seen=$(run_it "${@:3}" nons) && fail "accepted: $1"
    assert_match "$1" "$seen" "$2"
}
refused 'c["linux"]["namespaces"] = [{"type": "user"}]; c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 1879048192, "size": 65536}]' 'user namespace gives no right to mount.*add .*mount'
refused 'c["mounts"].append(mount("/tmp", "tmpfs", "remount", "rw"))' "'remount' needs a mount namespace"
refused 'c["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}' 'hooks.createRuntime: needs a mount namespace'
refused 'c["linux"]["namespaces"] = [{"type": t} for t in ("pid", "ipc", "uts", "network", "cgroup")]; c["process"]["capabilities"] = {}; c["process"]["noNewPrivileges"] = True; c["mounts"] = c["mounts"][:4]' "the host's mount namespace" --profile hardened
if command -v strace >/dev/null; then
    config
    seen=$(strace -f -qq -o /dev/null -e trace=move_mount -e inject=move_mount:error=EINVAL "$scratch/bin/casemate" --root "$state" run --bundle "$scratch/bundle" nons 2>&1) && fail "started on a kernel before 6.15"
    assert_match "before 6.15" "$seen" 'move_mount: .*hint: without a mount namespace this needs Linux 6.15'
fi
assert_eq "the caller's mounts" "$(table)" "$before"
become user
chmod 777 "$scratch/root"
refused '' 'without root a user namespace is needed'
nothing_left 1
