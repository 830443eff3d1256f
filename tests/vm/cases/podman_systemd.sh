#!/bin/bash
# podman with its systemd cgroup manager, the default where systemd is PID 1: the container is a scope of machine.slice with
# podman's limits; exec, stats, update, pause, stop and rm work on it, and neither unit nor group is left. Control: podman's
# cgroupfs manager makes no scope. Few commands: under emulation podman takes seconds to begin.
. "$(dirname "$0")/../../e2e/lib.sh"
[ -d /run/systemd/system ] || { echo "SKIP: needs systemd as PID 1"; exit 77; }
command -v podman >/dev/null || { echo "SKIP: needs podman"; exit 77; }

mkdir -p "$scratch"/root/{bin,proc,dev,sys,tmp,etc,run}
cp /bin/busybox "$scratch/root/bin/"
cat >"$scratch/containers.conf" <<CONF
[containers]
log_driver = "none"
netns = "none"
[engine]
cgroup_manager = "systemd"
events_logger = "none"
runtime_supports_json = [ "casemate" ]
[engine.runtimes]
casemate = [ "$scratch/bin/casemate" ]
[network]
network_backend = "netavark"
CONF
# Its words go to podman.log, which a failure prints.
podman() {
    CONTAINERS_CONF=$scratch/containers.conf command podman --root "$scratch/storage" --runroot "$scratch/run" --tmpdir "$scratch/tmp" \
        --storage-driver vfs --runtime casemate "$@" 2>>"$scratch/podman.log"
}
group_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
files() { (cd "/sys/fs/cgroup$group" && cat "$@") | tr '\n' ' '; }
properties() { systemctl show --property "$1" "$scope" | sort | tr '\n' ' '; }
is_gone() { [ ! -e "/sys/fs/cgroup/machine.slice/$1" ] && [ "$(systemctl show --property LoadState --value "$1")" = not-found ]; }

say "a scope of machine.slice, with podman's limits"
id=$(podman run --detach --pidfile "$out/pid" --name one --memory 64m --memory-swap 64m --pids-limit 20 --rootfs "$scratch/root" /bin/busybox sleep 3000)
pid=$(cat "$out/pid") scope=libpod-$id.scope group=/machine.slice/libpod-$id.scope
assert_eq "group" "$(group_of "$pid")" "$group"
assert_eq "limits" "$(files memory.max memory.swap.max pids.max)" "67108864 0 20 "
assert_eq "what systemd keeps" "$(properties ActiveState,Delegate,MemoryMax,MemorySwapMax,TasksMax)" \
    "ActiveState=active Delegate=yes MemoryMax=67108864 MemorySwapMax=0 TasksMax=20 "

say "exec, stats"
assert_eq "exec's group" "$(podman exec one /bin/busybox cat /proc/self/cgroup)" "0::/"
assert_match "control: a process of another group" "$(nsenter -t "$pid" -C cat /proc/self/cgroup)" '^0::/\.\./'
assert_match "stats" "$(podman stats --no-stream --no-reset --format '{{.PIDs}} {{.MemUsage}}' one)" '^1 .* / 67\.11MB$'

say "update, and systemd's turn after it"
podman update --memory 48m one >/dev/null
systemctl set-property --runtime "$scope" CPUWeight=50 # systemd writes every attribute of the unit
assert_eq "limits" "$(files memory.max pids.max cpu.weight)" "50331648 20 50 "
assert_eq "what systemd keeps" "$(properties MemoryMax,TasksMax)" "MemoryMax=50331648 TasksMax=20 "

say "pause, stop, rm"
podman pause one >/dev/null
assert_eq "paused" "$(files cgroup.freeze)" "1 "
podman unpause one >/dev/null
assert_eq "unpaused" "$(files cgroup.freeze)" "0 "
podman stop --time 0 one >/dev/null
wait_for "the scope's end" 20 is_gone "$scope"
podman rm one >/dev/null

say "its end by itself; control: podman's cgroupfs manager, the same but for the scope"
ends() { # MANAGER: the group that the container sees the name of, and its exit code
    local status=0
    podman --cgroup-manager "$1" run --rm --cgroupns host --rootfs "$scratch/root" /bin/busybox sh -c 'busybox cat /proc/self/cgroup; exit 7' || status=$?
    echo $status
}
assert_match "systemd" "$(ends systemd | tr '\n' ' ')" '^0::/machine\.slice/libpod-[0-9a-f]{64}\.scope 7 $'
assert_match "cgroupfs" "$(ends cgroupfs | tr '\n' ' ')" '^0::/libpod_parent/libpod-[0-9a-f]{64} 7 $'
left() { find /sys/fs/cgroup -name 'libpod-*' ! -name '*conmon*'; systemctl list-units --all --plain --no-legend 'libpod-*' | grep -v conmon; }
nothing_of_podman() { [ -z "$(left)" ]; }
wait_for "nothing left" 20 nothing_of_podman
nothing_left
