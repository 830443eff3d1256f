#!/bin/bash
# Control groups in force: limits of config.json and of a profile, what they do to an app that tries to pass them, the
# verbs that work on a group, and that no group is left on any way out. Each limit has its control without.
. "$(dirname "$0")/lib.sh"

groups() { { find /sys/fs/cgroup -type d -name "$1" 2>/dev/null || :; } | sort; }  # others' groups come and go
no_group_left() { assert_eq "groups of $1 left" "$(groups "$1")" ""; }
# The file of a limit, whichever version holds the controller: FILE_V2 FILE_V1 ID.
limit_of() {
    local dir
    for dir in $(groups "$3"); do
        [ ! -f "$dir/$1" ] || { cat "$dir/$1" && return; }
        [ ! -f "$dir/$2" ] || { cat "$dir/$2" && return; }
    done
    fail "no $1 and no $2 in a group of $3"
}

bundle=$scratch/bundle
mkdir -p "$bundle"/rootfs/{bin,proc,sys,dev,tmp}
cp /bin/busybox "$bundle/rootfs/bin/busybox"
for applet in sh true sleep cat mknod dd tail head test echo mkdir wc; do ln -s busybox "$bundle/rootfs/bin/$applet"; done
run spec --bundle "$bundle"
cp "$bundle/config.json" "$bundle/base.json"
# config FILTER: config.json of the base one by a filter of jq.
config() { jq ".process.terminal = false | .process.rlimits = [] | .linux.resources = {} | .mounts |= map(select(.type != \"cgroup\" and .type != \"cgroup2\")) | $1" "$bundle/base.json" >"$bundle/config.json"; }
# Its processes are counted by the group alone.
config '.process.args = ["/bin/sh", "-c", "exit 0"] | .process.rlimits = []'
id=cgroups-$$

say "a group of its own, gone with the container"
config '.process.args = ["/bin/cat", "/proc/self/cgroup"]'
run run --bundle "$bundle" "$id" >"$scratch/own"
grep -q "/casemate/$id\$\|:/\$" "$scratch/own" || fail "not in its group: $(cat "$scratch/own")"
no_group_left "$id"

say "without a group nothing is made"
run --cgroup-manager=disabled run --bundle "$bundle" "$id" >"$scratch/none"
! grep -q "$id" "$scratch/none" || fail "in a group although cgroups are disabled"

if [ ! -d /run/systemd/system ] && [ -x "$scratch/bin/casemate-systemd-cgroup" ]; then
    say "where systemd is not PID 1 its driver is refused with a remedy, never replaced; launch has no such option"
    run --systemd-cgroup run --bundle "$bundle" "$id" 2>"$scratch/systemd" && fail "the systemd driver without systemd"
    grep -q 'systemd is not PID 1' "$scratch/systemd" || fail "another error: $(cat "$scratch/systemd")"
    grep -q 'hint: .*--cgroup-manager=cgroupfs' "$scratch/systemd" || fail "no remedy: $(cat "$scratch/systemd")"
    run --systemd-cgroup launch "$bundle" 2>"$scratch/systemd" && fail "launch with the systemd driver"
    grep -q 'systemd-cgroup.* are for create and run' "$scratch/systemd" || fail "another error: $(cat "$scratch/systemd")"
    no_group_left "$id"
fi

say "exec --cgroup: a group below the container's, in all hierarchies or by controller; nothing beside or above"
config '.process.args = ["/bin/sleep", "100"]'
run create --bundle "$bundle" "$id" </dev/null >"$scratch/create.log" 2>&1
run start "$id"
for dir in $(groups "$id"); do
    mkdir "$dir/sub"
    for file in cpuset.cpus cpuset.mems; do [ ! -f "$dir/sub/$file" ] || cat "$dir/$file" >"$dir/sub/$file"; done
done
below() { grep -c '/sub$' "$scratch/below" || :; }
run exec "$id" cat /proc/self/cgroup >"$scratch/below"
assert_eq "control: without the option" "$(below)" 0
run exec --cgroup sub "$id" cat /proc/self/cgroup >"$scratch/below"
assert_eq "hierarchies" "$(below)" "$(groups "$id" | wc -l)"
if grep -q '^[1-9][0-9]*:pids:' "$scratch/below"; then
    run exec --cgroup pids:/sub --cgroup memory:/ "$id" cat /proc/self/cgroup >"$scratch/below"
    assert_eq "by controller" "$(grep '/sub$' "$scratch/below" | cut -d: -f2)" pids
else
    run exec --cgroup pids:sub "$id" true 2>"$scratch/refused" && fail "a controller on v2"
    grep -q 'of cgroup v2' "$scratch/refused" || fail "another error: $(cat "$scratch/refused")"
fi
for path in ../.. sub/../.. none "../$id-other" pids:../x :sub nothing:sub; do
    run exec --cgroup "$path" "$id" true 2>"$scratch/refused" && fail "--cgroup $path"
    grep -q -- '--cgroup: ' "$scratch/refused" || fail "$path: another error: $(cat "$scratch/refused")"
done
run delete --force "$id"
no_group_left "$id"

say "a limit of processes stops a fork bomb; without it the same forks succeed"
bomb='i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i + 1)); done; echo all'
config ".process.args = [\"/bin/sh\", \"-c\", \"$bomb\"] | .process.rlimits = [] | .linux.resources.pids.limit = 20"
run run --bundle "$bundle" "$id" >"$scratch/bomb" 2>&1 || :
! grep -q all "$scratch/bomb" || fail "40 forks under a limit of 20"
config ".process.args = [\"/bin/sh\", \"-c\", \"$bomb\"] | .process.rlimits = []"
run run --bundle "$bundle" "$id" >"$scratch/bomb" 2>&1
grep -q all "$scratch/bomb" || fail "the control failed: $(cat "$scratch/bomb")"

say "a memory limit ends who passes it; without it the same app succeeds"
eat='x=$(head -c 48000000 /dev/zero | tr "\\0" x); echo ${#x}'
ln -s busybox "$bundle/rootfs/bin/tr"
config "$(jq -n --arg eat "$eat" '.process.args = ["/bin/sh", "-c", $eat] | .linux.resources.memory = {limit: 16777216}' | jq -r '"(.process.args = \(.process.args)) | .linux.resources.memory = \(.linux.resources.memory)"')"
status=0
run run --bundle "$bundle" "$id" >"$scratch/eat" 2>&1 || status=$?
assert_eq "exit code of an app that was out of memory" $status 137
config "$(jq -rn --arg eat "$eat" '"(.process.args = \(["/bin/sh", "-c", $eat]))"')"
run run --bundle "$bundle" "$id" >"$scratch/eat" 2>&1
assert_eq "the control's output" "$(cat "$scratch/eat")" 48000000

say "a limit that not even init fits in: said as such"
config '.process.args = ["/bin/true"] | .linux.resources.memory = {limit: 1}'
status=0
run run --bundle "$bundle" "$id" 2>"$scratch/error" || status=$?
assert_eq "exit code" $status 125
grep -q 'for want of memory (OOM) in its control group' "$scratch/error" || fail "another error: $(cat "$scratch/error")"
no_group_left "$id"

say "kernel memory is part of the limit; what only v1 has is set there, and refused by v2"
small='"limit": 33554432, "kernel": 33554432'
config ".process.args = [\"/bin/sleep\", \"1005\"] | .linux.resources.memory = {$small}"
run create --bundle "$bundle" "$id"
assert_eq "limit in force" "$(limit_of memory.max memory.limit_in_bytes "$id")" 33554432
run delete --force "$id"
for only_v1 in '"kernelTCP": 16777216' '"disableOOMKiller": true'; do
    config ".process.args = [\"/bin/sleep\", \"1005\"] | .linux.resources.memory = {$small, $only_v1}"
    status=0
    run create --bundle "$bundle" "$id" 2>"$scratch/error" || status=$?
    if [ -e /sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes ]; then
        assert_eq "$only_v1: exit code" $status 0
        dir=$(groups "$id" | grep /memory/)
        case $only_v1 in
        *TCP*) assert_eq "$only_v1" "$(cat "$dir/memory.kmem.tcp.limit_in_bytes")" 16777216 ;;
        *) assert_eq "$only_v1" "$(head -n 1 "$dir/memory.oom_control")" "oom_kill_disable 1" ;;
        esac
        run delete --force "$id"
    else
        assert_eq "$only_v1: exit code" $status 125
        assert_match "$only_v1" "$(cat "$scratch/error")" "is not offered by cgroup v2"
    fi
done
no_group_left "$id"

say "a device that no rule names is refused, as root of the host with CAP_MKNOD; a rule allows it"
caps='.process.user = {"uid": 0, "gid": 0} | .process.capabilities |= map_values(. + ["CAP_MKNOD"] | unique) | .mounts |= map(if .destination == "/tmp" then .options -= ["nodev"] else . end) | .root.readonly = false'
try="mknod /d c 10 200 && : </d && echo opened" # /dev/net/tun, which needs no capability to open
config "$caps | .process.args = [\"/bin/sh\", \"-c\", \"$try\"]"
run run --bundle "$bundle" "$id" >"$scratch/device" 2>&1 || :
grep -q "not permitted" "$scratch/device" || fail "the device was not refused: $(cat "$scratch/device")"
rm -f "$bundle/rootfs/d"
config "$caps | .process.args = [\"/bin/sh\", \"-c\", \"$try\"] | .linux.resources.devices = [{\"allow\": true, \"type\": \"c\", \"major\": 10, \"minor\": 200, \"access\": \"rwm\"}]"
run run --bundle "$bundle" "$id" >"$scratch/device" 2>&1 || :
! grep -qE "not permitted|denied" "$scratch/device" || fail "an allowed device was refused: $(cat "$scratch/device")"
rm -f "$bundle/rootfs/d"

say "a controller that the host lacks, a limit that no kernel has: errors, and nothing left"
for resources in '{"rdma": {"mlx5_0": {"hcaHandles": 1}}}' '{"memory": {"kernel": 4096}}' '{"memory": {"swap": 4096}}'; do
    config ".linux.resources = $resources"
    status=0
    run run --bundle "$bundle" "$id" >"$scratch/error" 2>&1 || status=$?
    assert_eq "exit code for $resources" $status 125
    assert_match "error for $resources" "$(cat "$scratch/error")" "rdma|memory"
done
no_group_left "$id"

say "create, start, pause, resume, ps, update, events, delete"
config '.process.args = ["/bin/sleep", "1000"] | .linux.cgroupsPath = "/casemate-e2e-'$$'/one" | .linux.resources.pids.limit = 50'
run create --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1
assert_eq "limit in force" "$(limit_of pids.max pids.max one)" 50
run start "$id"
assert_eq "state" "$(run state "$id" | jq -r .status)" running
pid=$(run state "$id" | jq -r .pid)
assert_eq "ps" "$(run ps -f json "$id")" "[$pid]"
run ps "$id" | grep -q "sleep 1000" || fail "ps shows no sleep"
run verify "$id" >"$scratch/verify.log" || fail "verify: $(grep -v ' ok ' "$scratch/verify.log")"
grep -q "ok *cgroup.pids.max" "$scratch/verify.log" || fail "verify does not look at the limit"
run pause "$id"
assert_eq "state" "$(run state "$id" | jq -r .status)" paused
! run pause "$id" 2>"$scratch/twice" || fail "paused twice"
! run delete "$id" 2>"$scratch/early" || fail "deleted while paused"
run resume "$id"
assert_eq "state" "$(run state "$id" | jq -r .status)" running
run update --pids-limit 60 --memory 64m "$id"
assert_eq "limit in force" "$(limit_of pids.max pids.max one)" 60
assert_eq "limit in force" "$(limit_of memory.max memory.limit_in_bytes one)" 67108864
echo '{"pids": {"limit": 70}}' | run update --resources - "$id"
assert_eq "limit in force" "$(limit_of pids.max pids.max one)" 70
run verify "$id" >"$scratch/verify.log" || fail "verify after update: $(grep -v ' ok ' "$scratch/verify.log")"
! run update --cpuset-cpus 4000 "$id" 2>"$scratch/error" || fail "a cpu that is not there"
run events --stats "$id" >"$scratch/stats"
assert_eq "stats" "$(jq -r '.type + " " + (.data.pids.current | tostring) + " " + (.data.pids.limit | tostring)' "$scratch/stats")" "stats 1 70"
echo 80 >"$(dirname "$({ find /sys/fs/cgroup -path "*/casemate-e2e-$$/one/pids.max" 2>/dev/null || :; } | head -1)")/pids.max"
! run verify "$id" >"$scratch/verify.log" || fail "verify does not notice another limit"
grep -q "DIFFERENT *cgroup.pids.max" "$scratch/verify.log" || fail "verify does not name the limit"
run pause "$id"
run delete --force "$id"
no_group_left one
find /sys/fs/cgroup -depth -type d -name "casemate-e2e-$$" -exec rmdir {} + 2>/dev/null || :
no_group_left "casemate-e2e-$$"

say "kill --all ends what lives on without its first process"
config '.process.args = ["/bin/sh", "-c", "sleep 1000 & sleep 1001"] | .linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(select(.destination != "/proc"))'
run run --detach --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1
sleep 0.3
[ "$(run ps -f json "$id" | jq length)" -ge 2 ] || fail "ps: $(run ps -f json "$id")"
run kill --all "$id" KILL
assert_eq "processes left" "$(run ps -f json "$id")" "[]"
run delete "$id"
no_group_left "$id"

say "a launcher that was killed: gc takes the group away"
config '.process.args = ["/bin/sleep", "1002"]'
run run --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1 &
launcher=$!
wait_for "the container" 10 sh -c "find /sys/fs/cgroup -type d -name $id | grep -q ."
wait_for "its process" 10 sh -c "find /sys/fs/cgroup -path '*/$id/cgroup.procs' -exec cat {} + | grep -q ."
pkill -KILL -P "$launcher" 2>/dev/null || :
kill -KILL "$launcher" 2>/dev/null || :
wait "$launcher" 2>/dev/null || :
run delete --force "$id" || :
run gc >/dev/null
no_group_left "$id"

say "a full group: what lives in it is somebody else's and stays"
config '.process.args = ["/bin/true"] | .linux.cgroupsPath = "/casemate-e2e-'$$'-full"'
directory=$(find /sys/fs/cgroup -maxdepth 1 -name pids -type d)
full=${directory:-/sys/fs/cgroup}/casemate-e2e-$$-full
mkdir "$full"
sleep 1003 &
sleeper=$!
echo $sleeper >"$full/cgroup.procs"
! run run --bundle "$bundle" "$id" 2>"$scratch/full" || fail "ran in a group of another"
assert_match "error" "$(cat "$scratch/full")" "exists already and has processes"
kill -0 $sleeper || fail "somebody else's process was killed"
[ -d "$full" ] || fail "somebody else's group was removed"
kill $sleeper
wait $sleeper 2>/dev/null || :
rmdir "$full"

say "launch: the profile's limits"
run launch --name "$id" --memory 96MiB --pids 33 "rootfs:$bundle/rootfs" -- /bin/sleep 1004 >"$scratch/launch.log" 2>&1 &
launcher=$!
wait_for "the launch" 20 sh -c "find /sys/fs/cgroup -path '*/casemate/$id/cgroup.procs' -exec cat {} + | grep -q ."
assert_eq "limit in force" "$(limit_of pids.max pids.max "$id")" 33
assert_eq "limit in force" "$(limit_of memory.max memory.limit_in_bytes "$id")" 100663296
! run update --pids-limit 1000 "$id" 2>"$scratch/error" || fail "a profile's limit was raised"
wait_for "the app" 20 sh -c "'$scratch/bin/casemate' state '$id' | jq -e '.status == \"running\"'"
run kill "$id" TERM
wait "$launcher" 2>/dev/null || :
no_group_left "$id"

say "launch: the report names out of memory"
status=0
run launch --name "$id" --memory 16MiB --report "$scratch/report.json" "rootfs:$bundle/rootfs" -- /bin/sh -c "$eat" >"$scratch/launch.log" 2>&1 || status=$?
assert_eq "exit code" $status 137
assert_eq "cause" "$(jq -r .cause "$scratch/report.json")" oom
no_group_left "$id"
