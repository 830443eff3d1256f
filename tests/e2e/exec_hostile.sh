#!/bin/bash
# `casemate exec` into a hostile container (EXEC_ROUNDS times; SECURITY I6, I7, I10; CVE-2016-9962, CVE-2019-5736): its process looks into
# every newcomer as fast as it can, then also traces it, takes its channel and sends garbage. Nothing of the host may be
# seen; an exec may fail, but it ends. The control leaves the hiding out, and then the same hostile process sees it.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || { echo "skipped: needs jq"; exit 77; }
rounds=${EXEC_ROUNDS:-300}
export HOST_SECRET=must-not-be-seen

# The worst of containers that are not the host's own root: all capabilities of its user namespace, no filter.
bundle=$scratch/bundle
mkdir -p "$bundle"/rootfs/{bin,proc,sys,dev,tmp,work}
ln -s /proc/self/fd/3 "$bundle/rootfs/evil-work"
cp /bin/busybox "$bundle/rootfs/bin/busybox"
for applet in sh true echo touch; do ln -s busybox "$bundle/rootfs/bin/$applet"; done
cp "$CASEMATE_BUILD/tests/e2e_hostile" "$bundle/rootfs/bin/hostile"
"$scratch/bin/casemate" spec --bundle "$bundle"
all=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
names=$(python3 -c 'import sys
names = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN".split()
import json; print(json.dumps(["CAP_" + n for i, n in enumerate(names) if int(sys.argv[1], 16) >> i & 1]))' "$all")
jq --argjson caps "$names" --arg launcher "$scratch/bin/casemate" '
    .process.args = ["/bin/hostile", "look", $launcher] | .process.terminal = false | .process.noNewPrivileges = false
    | .process.capabilities |= with_entries(.value = $caps) | .process.env = ["PATH=/bin"]
    | .linux.namespaces |= map(select(.type != "cgroup")) + [{"type": "user"}] | .mounts |= map(select(.type != "cgroup"))
    | del(.linux.resources, .linux.seccomp, .process.rlimits) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .root.readonly = false
    | .linux.uidMappings = [{"containerID": 0, "hostID": 1879113728, "size": 65536}] | .linux.gidMappings = .linux.uidMappings' \
    "$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"
chown -R 1879113728:1879113728 "$bundle/rootfs"

start_hostile() { # ID look|attack
    rm -f "$bundle/rootfs/stop"
    jq --arg how "$2" '.process.args[1] = $how' "$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"
    run run --bundle "$bundle" "$1" >"$scratch/$1.log" 2>&1 &
    hostile=$!
    wait_for "the hostile container" 10 grep -q ready "$scratch/$1.log"
}
stop_hostile() { # ID
    touch "$bundle/rootfs/stop"
    wait "$hostile" || fail "the hostile container failed: $(cat "$scratch/$1.log")"
}

# How many descriptors the container's own process has: what an exec leaves there, it leaves for good.
descriptors_of() { # ID
    local pid
    pid=$(run state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
    find "/proc/$pid/fd" -mindepth 1 -printf '%l\n' | grep -cv '^/proc'
}

say "it looks: $rounds execs, all succeed, and it sees nothing of the host"
start_hostile look look
before=$(descriptors_of look)
began=$(date +%s%N)
for ((round = 0; round < rounds; ++round)); do
    assert_eq "exec $round" "$(run exec look echo "$round" </dev/null)" "$round"
done
say "$((($(date +%s%N) - began) / rounds / 1000)) us an exec"
# What looks has a file open now and then.
after=none
for ((try = 0; try < 50; ++try)); do
    after=$(descriptors_of look 2>/dev/null) && [ "$after" -le "$before" ] && break
    sleep 0.05
done
assert_eq "descriptors of the container's process" "$after" "$before"
run verify look >/dev/null 2>"$scratch/verify.log" || fail "after $rounds execs the container is not what it was"
stop_hostile look
grep VIOLATION "$scratch/look.log" && fail "it saw something"
met=$(awk '$1 == "met" { print $2 }' "$scratch/look.log")
[ "$met" -ge $((rounds / 10)) ] || fail "it met only $met processes: the test shows nothing"

say "it attacks: every exec ends in time, and it still sees nothing"
start_hostile attack attack
good=0
for ((round = 0; round < rounds / 10; ++round)); do
    status=0
    timeout 30 "$scratch/bin/casemate" --root "$state" exec --cwd /work attack true </dev/null >"$scratch/attacked.log" 2>&1 || status=$?
    [ $status -ne 124 ] || fail "exec $round hung"
    [ $status -ne 0 ] || good=$((good + 1))
done
stop_hostile attack
grep VIOLATION "$scratch/attack.log" && fail "it saw something"
say "$good of $((rounds / 10)) attacked execs succeeded"

say "it attacks while it is deleted"
start_hostile doomed attack
for ((round = 0; round < 5; ++round)); do run exec doomed true </dev/null >/dev/null 2>&1 & done
timeout 30 "$scratch/bin/casemate" --root "$state" delete --force doomed || fail "delete: $?"
wait
grep VIOLATION "$scratch/doomed.log" && fail "it saw something"
nothing_left

say "another container is as whole as ever"
run probe "rootfs:$bundle/rootfs" >"$scratch/probe.log" 2>&1 || fail "the probe is red"

say "control: without the hiding it sees the launcher"
if [ -x "${CASEMATE_MUTANT:-}" ]; then
    start_hostile control look
    for ((round = 0; round < 200; ++round)); do
        CASEMATE_LEAVE_OUT="hide from ptrace,stay hidden from ptrace,rearm parent death signal,verify what only init sees" \
            "$CASEMATE_MUTANT" --root "$state" exec control true </dev/null >/dev/null 2>&1 || :
    done
    stop_hostile control
    grep -q VIOLATION "$scratch/control.log" || fail "the control sees nothing either: the test shows nothing"
    say "the control saw: $(grep -c VIOLATION "$scratch/control.log") kinds"
fi
nothing_left
echo "exec_hostile: ok"
