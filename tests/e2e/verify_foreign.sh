#!/bin/bash
# `verify --pid` on a container that casemate did not make: crun's default has differences, each named; exit 1. And on a
# process that is gone: an error, not a table.
. "$(dirname "$0")/lib.sh"
bundle=$scratch/bundle
mkdir -p "$bundle"/rootfs/{proc,sys,dev}
cp /bin/busybox "$bundle/rootfs/busybox"
crun spec -b "$bundle"
jq '.process.args = ["/busybox", "sleep", "60"] | .process.terminal = false | .linux.namespaces |= map(select(.type != "cgroup"))
    | .mounts |= map(select(.type != "cgroup"))' "$bundle/config.json" >"$bundle/new"
mv "$bundle/new" "$bundle/config.json"
# crun refuses hybrid cgroup hierarchies: run it where they are not mounted.
unshare --mount --propagation private sh -c "umount /sys/fs/cgroup/unified 2>/dev/null
    exec crun --root '$scratch/crun' --cgroup-manager=disabled run --bundle '$bundle' --pid-file '$scratch/pid' foreign-$$" >"$scratch/crun.log" 2>&1 &
wait_for "the crun container" 10 test -s "$scratch/pid"
pid=$(cat "$scratch/pid")

status=0
run verify --pid "$pid" --profile hardened >"$scratch/verify.log" 2>&1 || status=$?
assert_eq "exit code" $status 1
# crun's default: uid 0, three capabilities, no filter, no user namespace.
for fact in ids.runAsNonRoot capabilities.effective seccomp.mode namespace.user; do
    grep -q "DIFFERENT *$fact " "$scratch/verify.log" || fail "the table does not name $fact"
done
status=0
run verify --pid "$pid" --profile hardened --format json >"$scratch/verify.json.log" 2>/dev/null || status=$?
assert_eq "exit code" $status 1
jq -e . "$scratch/verify.json.log" >/dev/null || fail "not JSON"
kill -KILL "$pid"
wait
status=0
run verify --pid "$pid" --profile hardened >"$scratch/gone.log" 2>&1 || status=$?
assert_eq "exit code for a process that is gone" $status 2
