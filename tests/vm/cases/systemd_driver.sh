#!/bin/bash
# --systemd-cgroup: the container is born into the scope that its cgroupsPath names, with the limits that it asks for, and
# the scope is gone after `delete`; as root and as a user under a systemd of its own. Control: cgroupfs makes no unit.
. "$(dirname "$0")/../../e2e/lib.sh"
[ -d /run/systemd/system ] || { echo "SKIP: needs systemd as PID 1"; exit 77; }

mkdir -p "$scratch/root/bin" "$scratch/root/proc" "$scratch/root/dev"
cp /bin/busybox "$scratch/root/bin/"
# bundle NAME CGROUPSPATH [JQ-FILTER]: /bin/busybox sleep 3000 within 64 MiB and 20 processes.
bundle() {
    mkdir -p "$scratch/$1"
    jq -n --arg root "$scratch/root" --arg path "$2" '{ociVersion: "1.2.0", root: {path: $root},
        process: {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/busybox", "sleep", "3000"]},
        mounts: [{destination: "/proc", type: "proc", source: "proc"}],
        linux: {cgroupsPath: $path, namespaces: [{type: "mount"}, {type: "pid"}, {type: "cgroup"}],
                resources: {memory: {limit: 67108864}, pids: {limit: 20}, cpu: {shares: 512}}}}' | jq "${3:-.}" >"$scratch/$1/config.json"
    echo "$scratch/$1"
}
group_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
property() { systemctl show --property "$2" --value "$1"; }

say "root"
run --systemd-cgroup create --bundle "$(bundle one machine.slice:casemate-vm:one)" --pid-file "$out/pid" one
pid=$(cat "$out/pid") group=/machine.slice/casemate-vm-one.scope
assert_eq "group" "$(group_of "$pid")" "$group"
assert_eq "processes in it: init alone, the holder is gone" "$(cat "/sys/fs/cgroup$group/cgroup.procs")" "$pid"
assert_eq "memory.max" "$(cat "/sys/fs/cgroup$group/memory.max")" 67108864
assert_eq "pids.max" "$(cat "/sys/fs/cgroup$group/pids.max")" 20
assert_eq "what systemd keeps" "$(property casemate-vm-one.scope MemoryMax) $(property casemate-vm-one.scope TasksMax)" "67108864 20"
assert_eq "delegated" "$(property casemate-vm-one.scope Delegate)" yes
run start one
systemctl daemon-reload
assert_eq "memory.max after daemon-reload" "$(cat "/sys/fs/cgroup$group/memory.max")" 67108864
assert_eq "root of its cgroup namespace" "$(nsenter -t "$pid" -C cat /proc/1/cgroup | tail -n 1 | grep -c '0::/\.\.')" 1
run --systemd-cgroup create --bundle "$(bundle two machine.slice:casemate-vm:one)" two 2>"$scratch/second" && fail "two containers in one scope"
grep -q StartTransientUnit "$scratch/second" || fail "the second: $(cat "$scratch/second")"
run delete --force one
[ ! -e "/sys/fs/cgroup$group" ] || fail "the group stays after delete"
assert_eq "the unit after delete" "$(property casemate-vm-one.scope LoadState)" not-found

say "the app's own end, and a failure"
run --systemd-cgroup run --bundle "$(bundle true :casemate-vm:true '.process.args = ["/bin/busybox", "true"]')" true
assert_eq "the unit after run" "$(property casemate-vm-true.scope LoadState)" not-found
run --systemd-cgroup run --bundle "$(bundle none :casemate-vm:none '.process.args = ["/none"]')" none 2>/dev/null && fail "no such program"
assert_eq "the unit after a failed start" "$(property casemate-vm-none.scope LoadState)" not-found

say "annotations and names"
run --systemd-cgroup create --bundle "$(bundle note :casemate-vm:note '.annotations = {"org.systemd.property.KillSignal": "10", "org.systemd.property.TimeoutStopUSec": "uint64 7000000"}')" note
assert_eq "what podman says of each container" "$(property casemate-vm-note.scope KillSignal) $(property casemate-vm-note.scope TimeoutStopUSec)" "10 7s"
run delete --force note
for bad in '.annotations = {"org.systemd.property.MemoryMax": "uint64 1"}' '.linux.cgroupsPath = "/a/b"' '.linux.cgroupsPath = "../x.slice:a:b"'; do
    run --systemd-cgroup create --bundle "$(bundle bad :casemate-vm:bad "$bad")" bad 2>/dev/null && fail "accepted: $bad"
done

say "control: cgroupfs"
run create --bundle "$(bundle plain /casemate-vm/plain)" --pid-file "$out/pid" plain
assert_eq "group" "$(group_of "$(cat "$out/pid")")" /casemate-vm/plain
run delete --force plain
rmdir /sys/fs/cgroup/casemate-vm

say "a user, from a scope of its own systemd"
become user
id=$(id -u "$test_user")
chown -R "$test_user:" "$scratch/root"
mine=$(bundle user "user.slice:casemate-vm:user" '.linux.namespaces += [{type: "user"}] | .linux += {uidMappings: [{containerID: 0, hostID: '"$id"', size: 1}], gidMappings: [{containerID: 0, hostID: '"$id"', size: 1}]}')
as_login() { setpriv --reuid "$test_user" --regid "$test_user" --clear-groups env -i "XDG_RUNTIME_DIR=/run/user/$id" PATH=/usr/bin:/bin HOME=/tmp "$@"; }
as_login systemd-run --user --scope --quiet "$scratch/bin/casemate" --root "$state" --systemd-cgroup create --bundle "$mine" --pid-file "$out/pid" user ||
    fail "create as a user"
group=/user.slice/user-$id.slice/user@$id.service/user.slice/casemate-vm-user.scope
assert_eq "group" "$(group_of "$(cat "$out/pid")")" "$group"
assert_eq "pids.max" "$(cat "/sys/fs/cgroup$group/pids.max")" 20
as_login "$scratch/bin/casemate" --root "$state" delete --force user
[ ! -e "/sys/fs/cgroup$group" ] || fail "the user's group stays"
as_login "$scratch/bin/casemate" --root "$state" --systemd-cgroup create --bundle "$mine" user 2>"$scratch/outside" && fail "a scope from outside"
grep -q 'hint: .*systemd-run --user --scope' "$scratch/outside" || fail "no remedy: $(cat "$scratch/outside")"
nothing_left
