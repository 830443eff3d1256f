#!/bin/bash
# A container that may unmount everything, its root too, and does: its mountinfo is empty then, as that of a process without a
# mount namespace is. verify must say that nothing is mounted, not look at what lies at the places.
. "$(dirname "$0")/lib.sh"
bundle=$scratch/bundle
mkdir -p "$bundle/rootfs/bin" "$bundle/rootfs/etc"
cp /bin/busybox "$bundle/rootfs/bin/"
echo masked >"$bundle/rootfs/etc/secret"
jq -n '["CAP_SYS_ADMIN"] as $caps | {ociVersion: "1.2.0", root: {path: "rootfs"},
    process: {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/busybox", "sleep", "1000"], noNewPrivileges: true,
        capabilities: {bounding: $caps, permitted: $caps, effective: $caps}},
    mounts: [{destination: "/proc", type: "proc", source: "proc"}, {destination: "/dev", type: "tmpfs", source: "tmpfs"}],
    linux: {namespaces: [{type: "mount"}, {type: "pid"}], maskedPaths: ["/etc/secret"], readonlyPaths: ["/bin"]}}' >"$bundle/config.json"
run run --detach --bundle "$bundle" --pid-file "$scratch/pid" bare </dev/null >"$scratch/run.log" 2>&1 || fail "run --detach"
run verify bare >"$scratch/before.log" 2>&1 || fail "verify of a container that has unmounted nothing"
run exec bare /bin/busybox sh -c 'for place in /etc/secret /bin /dev /proc /; do /bin/busybox umount -l $place; done' >"$scratch/umount.log" 2>&1 || :
assert_eq "its mountinfo" "$(cat "/proc/$(cat "$scratch/pid")/mountinfo")" ""
status=0
run verify bare >"$scratch/verify.log" 2>&1 || status=$?
assert_eq "exit code of verify" $status 1
for what in "mount /" "mount /proc" "mount /dev"; do
    grep -qE "DIFFERENT +$what +expected .*; seen not mounted" "$scratch/verify.log" || fail "verify does not say that '$what' is gone"
done
if grep -E "^ *ok +(mount|masked|read-only) " "$scratch/verify.log"; then fail "verify is green where nothing is mounted"; fi
run delete --force bare || fail "delete --force"
nothing_left
