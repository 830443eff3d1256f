#!/bin/bash
# Time offsets: in force in a container without a user namespace of its own; with one, this kernel would not apply them
# (before 6.2 they take effect for children only), so they are refused by name rather than ignored.
. "$(dirname "$0")/../../e2e/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/proc" "$scratch/bundle"
cp /bin/busybox "$scratch/root/bin/"
# try JQ-FILTER
try() {
    jq -n --arg root "$scratch/root" '{ociVersion: "1.2.0", root: {path: $root},
        process: {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/busybox", "cat", "/proc/uptime"]},
        mounts: [{destination: "/proc", type: "proc", source: "proc"}],
        linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "time"}], timeOffsets: {boottime: {secs: 1000000}}}}' |
        jq "$1" >"$scratch/bundle/config.json"
    run run --bundle "$scratch/bundle" "time-$RANDOM" 2>"$scratch/said.log"
}
seen=$(try 'del(.linux.timeOffsets)') || fail "a time namespace without offsets"
[ "${seen%%.*}" -lt 1000000 ] || fail "control: uptime $seen"
if seen=$(try .); then
    [ "${seen%%.*}" -ge 1000000 ] || fail "the offset has no effect: uptime $seen"
else
    grep -q timeOffsets "$scratch/said.log" || fail "refused without its name: $(cat "$scratch/said.log")"
fi
user='.linux.namespaces += [{type: "user"}] | .linux += {uidMappings: [{containerID: 0, hostID: 200000, size: 1000}], gidMappings: [{containerID: 0, hostID: 200000, size: 1000}]}'
if seen=$(try "$user"); then
    [ "${seen%%.*}" -ge 1000000 ] || fail "with a user namespace the offset is ignored: uptime $seen"
else
    grep -q timeOffsets "$scratch/said.log" || fail "refused without its name: $(cat "$scratch/said.log")"
fi
nothing_left
