#!/bin/bash
# Volumes: a file as well as a directory, written under a profile with Landlock; and what the host mounted read-only,
# at the top of a volume or below it, stays read-only, under `launch` and in a bundle that says "rbind, rw".
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/tmp" "$scratch/volume/below" "$scratch/readonly"
cp /bin/busybox "$scratch/root/bin/"
: >"$scratch/file"
chmod 666 "$scratch/file"
chmod -R 777 "$scratch/volume" "$scratch/readonly"
for place in "$scratch/volume/below" "$scratch/readonly"; do # no tmpfs: those can be idmapped since 6.3 only
    mount --bind "$place" "$place"
    mount -o remount,bind,ro "$place"
done
write() { echo "/bin/busybox echo written >$1 && /bin/busybox echo yes || /bin/busybox echo no"; }

for who_runs in root user; do
    become $who_runs
    seen=$(run launch --volume "$scratch/file:/data/file" "rootfs:$scratch/root" -- /bin/busybox sh -c "$(write /data/file)") ||
        fail "$who_runs: a file as a volume"
    assert_eq "$who_runs: writing a file that is a volume" "$seen" yes
    assert_eq "$who_runs: what it holds on the host" "$(cat "$scratch/file")" written
    : >"$scratch/file"
    seen=$(run launch --volume "$scratch/volume:/data" --volume "$scratch/readonly:/ro" "rootfs:$scratch/root" -- \
        /bin/busybox sh -c "$(write /data/$who_runs); $(write /data/below/x); $(write /ro/x)" 2>/dev/null)
    assert_eq "$who_runs: a directory, a read-only mount below it, a read-only mount" "${seen//$'\n'/ }" "yes no no"
done

mkdir -p "$scratch/bundle"
cat >"$scratch/bundle/config.json" <<JSON
{"ociVersion": "1.2.0", "root": {"path": "$scratch/root"},
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "sh", "-c",
   "$(write /data/x); $(write /data/below/x)"]},
 "mounts": [{"destination": "/data", "type": "bind", "source": "$scratch/volume", "options": ["rbind", "rw", "noatime"]}],
 "linux": {"namespaces": [{"type": "mount"}]}}
JSON
become root
seen=$(run run --bundle "$scratch/bundle" e2e-volumes 2>/dev/null) || fail "run with a recursive bind"
assert_eq "run: rbind, rw" "${seen//$'\n'/ }" "yes no"
say "what the host mounted read-only stays so"
