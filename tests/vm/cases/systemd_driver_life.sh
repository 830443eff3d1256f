#!/bin/bash
# The life of a container in a scope: pause, update, exec, signals, devices; what systemd is not told it writes over at its
# next turn, and a launcher or a holder that is killed leaves neither unit nor group. The controls put a script in the
# place of casemate-systemd-cgroup that leaves one thing out.
. "$(dirname "$0")/../../e2e/lib.sh"
[ -d /run/systemd/system ] || { echo "SKIP: needs systemd as PID 1"; exit 77; }

mkdir -p "$scratch/root/bin" "$scratch/root/proc" "$scratch/root/dev"
cp /bin/busybox "$scratch/root/bin/"
# bundle NAME [JQ-FILTER]
bundle() {
    mkdir -p "$scratch/$1"
    jq -n --arg root "$scratch/root" --arg path "machine.slice:casemate-vm:$1" '{ociVersion: "1.2.0", root: {path: $root},
        process: {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/busybox", "sleep", "3000"],
                  capabilities: {bounding: ["CAP_MKNOD"], effective: ["CAP_MKNOD"], permitted: ["CAP_MKNOD"]}},
        mounts: [{destination: "/proc", type: "proc", source: "proc"}],
        linux: {cgroupsPath: $path, namespaces: [{type: "mount"}, {type: "pid"}, {type: "cgroup"}],
                resources: {memory: {limit: 67108864}, pids: {limit: 20}, devices: [{allow: false, access: "rwm"}]}}}' |
        jq "${2:-.}" >"$scratch/$1/config.json"
    echo "$scratch/$1"
}
group_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
property() { systemctl show --property "$2" --value "casemate-vm-$1.scope"; }
file() { cat "/sys/fs/cgroup/machine.slice/casemate-vm-$1.scope/$2"; }
status() { run state "$1" | jq -r .status; }
unit_is_gone() { [ "$(property "$1" LoadState)" = not-found ] && [ ! -e "/sys/fs/cgroup/machine.slice/casemate-vm-$1.scope" ]; }
create() { run --systemd-cgroup create --bundle "$(bundle "$@")" --pid-file "$out/pid" "$1"; }

say "pause, exec, ps, signals"
create one
run start one
run pause one
assert_eq "state" "$(status one) $(file one cgroup.freeze)" "paused 1"
run resume one
assert_eq "state" "$(status one) $(file one cgroup.freeze)" "running 0"
run exec --detach --pid-file "$out/second" one /bin/busybox sleep 3000
assert_eq "exec's group" "$(group_of "$(cat "$out/second")")" "$(group_of "$(cat "$out/pid")")"
assert_eq "processes" "$(run ps --format json one | jq length)" 2

say "devices: the program of the group holds, after systemd's turn too"
major=$((0x$(stat -c %t /dev/vda))) minor=$((0x$(stat -c %T /dev/vda)))
run exec one /bin/busybox mknod /disk b $major $minor
read_it() { [ "$(run exec "$1" /bin/busybox head -c 1 /disk 2>"$scratch/read.log" | wc -c)" = 1 ]; }
systemctl daemon-reload
read_it one && fail "a device that no rule names"
grep -q 'not permitted' "$scratch/read.log" || fail "another error: $(cat "$scratch/read.log")"

say "update reaches systemd, which would write the old limit back"
run update --pids-limit 33 one
assert_eq "pids.max" "$(file one pids.max) $(property one TasksMax)" "33 33"
systemctl set-property --runtime casemate-vm-one.scope CPUWeight=50 # systemd writes every attribute of the unit
assert_eq "systemd's turn" "$(file one cpu.weight)" 50
assert_eq "pids.max after systemd's turn" "$(file one pids.max)" 33
assert_eq "memory.max after systemd's turn" "$(file one memory.max)" 67108864

say "the last process ends: systemd takes the scope, and delete finds nothing left to do"
run kill one KILL
kill -KILL "$(cat "$out/second")" 2>/dev/null || :
wait_for "the scope's end" 10 unit_is_gone one
assert_eq "state" "$(status one)" stopped
run delete one

say "control: the device, allowed by a rule"
create two '.linux.resources.devices += [{allow: true, type: "b", major: '$major', minor: '$minor', access: "r"}]'
run start two
read_it two || fail "a device that a rule allows: $(cat "$scratch/read.log")"
run delete --force two
unit_is_gone two || fail "the scope stays after delete --force"

say "control: what systemd is not told it takes away"
mv "$scratch/bin/casemate-systemd-cgroup" "$scratch/bin/real"
# helper SCRIPT: in its place; $real is the program, "$@" its words.
helper() { printf '#!/bin/bash\nreal=%s\n%s\n' "$scratch/bin/real" "$1" >"$scratch/bin/casemate-systemd-cgroup"; chmod 755 "$scratch/bin/casemate-systemd-cgroup"; }
helper 'exec "$real" "${@/#TasksMax=t:20/CPUWeight=t:77}"'
create three
assert_eq "pids.max" "$(file three pids.max)" 20
systemctl set-property --runtime casemate-vm-three.scope CPUWeight=50
[ "$(file three pids.max)" != 20 ] || fail "systemd's turn does not write pids.max: the check above shows nothing"
run delete --force three

say "a holder that does not hold: init is in the scope in time, or there is no container and nothing is left"
helper 'exec "$real" "$@" </dev/null'
for _ in 1 2 3; do
    if create four 2>"$scratch/four.log"; then
        assert_eq "the scope of a container that stands" "$(property four ActiveState) $(group_of "$(cat "$out/pid")")" "active /machine.slice/casemate-vm-four.scope"
        run delete --force four
    fi
    wait_for "the scope's end" 10 unit_is_gone four
done
helper '"$real" "$@" | sed -u s,casemate-vm,casemate-other,'
create four 2>"$scratch/four.log" && fail "another group than the one that was reckoned"
grep -q 'systemd put' "$scratch/four.log" || fail "another error: $(cat "$scratch/four.log")"
wait_for "the scope's end" 10 unit_is_gone four

say "a launcher that is killed while it is held"
helper 'exec "$real" "$@" >/dev/null' # the scope is there, and its path is never said
create five 2>/dev/null &
launcher=$!
wait_for "the scope" 10 test -e /sys/fs/cgroup/machine.slice/casemate-vm-five.scope
pkill -KILL -P $launcher 2>/dev/null || :
kill -KILL $launcher 2>/dev/null || :
wait $launcher 2>/dev/null || :
mv "$scratch/bin/real" "$scratch/bin/casemate-systemd-cgroup"
run delete --force five
wait_for "the scope's end" 10 unit_is_gone five
rm -f "$out"/*
nothing_left
