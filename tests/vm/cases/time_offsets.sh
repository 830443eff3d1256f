#!/bin/bash
# Time offsets: in force from the app's first instruction, with a user namespace of the container's own and without, on a
# kernel whose exec does not enter a time namespace (before 6.2). Control: without them the clock is the host's.
. "$(dirname "$0")/../../e2e/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/proc" "$scratch/bundle"
cp /bin/busybox "$scratch/root/bin/"
# try JQ-FILTER: the container's uptime in seconds; its time namespace is not ours.
try() {
    local seen
    jq -n --arg root "$scratch/root" '{ociVersion: "1.2.0", root: {path: $root},
        process: {user: {uid: 0, gid: 0}, cwd: "/",
                  args: ["/bin/busybox", "sh", "-c", "busybox cat /proc/uptime; busybox readlink /proc/self/ns/time"]},
        mounts: [{destination: "/proc", type: "proc", source: "proc"}],
        linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "time"}], timeOffsets: {boottime: {secs: 1000000}}}}' |
        jq "$1" >"$scratch/bundle/config.json"
    seen=$(run run --bundle "$scratch/bundle" "time-$RANDOM" 2>"$scratch/said.log") || fail "run with $1: $(cat "$scratch/said.log")"
    [ "${seen##*$'\n'}" != "$(readlink /proc/self/ns/time)" ] || fail "the time namespace is ours, with $1"
    echo "${seen%%.*}"
}
user='.linux.namespaces += [{type: "user"}] | .linux += {uidMappings: [{containerID: 0, hostID: 200000, size: 1000}], gidMappings: [{containerID: 0, hostID: 200000, size: 1000}]}'
for kind in . "$user"; do
    seen=$(try "$kind | del(.linux.timeOffsets)")
    [ "$seen" -lt 1000000 ] || fail "control: uptime $seen"
    seen=$(try "$kind")
    [ "$seen" -ge 1000000 ] || fail "the offset has no effect: uptime $seen, with $kind"
done
nothing_left
