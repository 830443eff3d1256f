#!/bin/bash
# What engines count on and config.json does not say: as runc and crun do it, or nearer to the asked. A working directory that the
# image lacks is made; the umask is 022 and what is made for mounts can be walked, whatever the engine's umask; a container that
# was never started is deleted without --force (containerd does so); `kill ID 0` asks; exec's -e is a whole variable.
. "$(dirname "$0")/lib.sh"

bundle() { # JQ: config.json of a shell, $command, with JQ applied
    jq -n --arg command "$command" '{ociVersion: "1.2.0", root: {path: "rootfs"},
        process: {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/busybox", "sh", "-c", $command], noNewPrivileges: true, env: ["PATH=/bin", "KEPT=1"]},
        mounts: [{destination: "/proc", type: "proc", source: "proc"}, {destination: "/dev", type: "tmpfs", source: "tmpfs"}],
        linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "ipc"}]}} | '"${1:-.}" >"$home/config.json"
}
fresh() { # DIRECTORY [OWNER]: a bundle there, its root the owner's
    home=$1
    mkdir -p "$home/rootfs/bin"
    cp /bin/busybox "$home/rootfs/bin/"
    for name in sh ls stat pwd umask sleep env; do ln -sf busybox "$home/rootfs/bin/$name"; done
    chmod -R go+rX "$home"
    [ -z "${2:-}" ] || chown -R "$2" "$home/rootfs"
}
seen() { run run --bundle "$home" unsaid </dev/null 2>&1 || :; }

say "a working directory that is missing"
fresh "$scratch/plain"
command='pwd; stat -c "%u %a" . ..'
for place in "" '.root.readonly = true |' '.mounts += [{destination: "/work", type: "tmpfs", source: "tmpfs"}] |' \
    '.mounts += [{destination: "/work", type: "tmpfs", source: "tmpfs", options: ["ro"]}] |'; do
    bundle "$place .process.cwd = \"/work/app\""
    for mask in 0000 0077; do
        # A tmpfs has the mode of the directory that it covers, so the parent's is 755 in each case.
        assert_eq "$place umask $mask" "$(umask $mask; seen | tr '\n' ' ')" "/work/app 0 755 0 755 "
        rm -rf "$home/rootfs/work"
    done
done
mkdir "$home/volume"
bundle '.mounts += [{destination: "/work", type: "bind", source: "volume", options: ["rbind"]}] | .process.cwd = "/work/app"'
sed -i "s#\"volume\"#\"$home/volume\"#" "$home/config.json"
assert_eq "in a volume" "$(seen | head -n 1)" "/work/app"
[ -d "$home/volume/app" ] || fail "it was not made in the volume"
rmdir "$home/volume/app"
sed -i 's/"rbind"/"rbind", "ro"/' "$home/config.json"
assert_match "in a read-only volume" "$(seen)" "resolve program.*'/work/app'.*No such file"
[ ! -e "$home/volume/app" ] || fail "a read-only volume was written"
bundle '.process.cwd = "/proc/none"'
assert_match "in procfs" "$(seen)" "'/proc/none'.*No such file"
bundle '.process.cwd = "/bin/busybox/app"'
assert_match "below a file" "$(seen)" "working directory '/bin/busybox/app'.*ENOTDIR"
ln -s /etc "$home/rootfs/out"
bundle '.process.cwd = "/out/casemate-unsaid"'
seen >/dev/null
[ ! -e /etc/casemate-unsaid ] || fail "a link of the image led to the host"

fresh "$scratch/mapped" 100000:100000
bundle '.process.cwd = "/work/app" | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
assert_eq "as the container's root" "$(seen | tr '\n' ' ')" "/work/app 0 755 0 755 "
assert_eq "on the host" "$(stat -c %u "$home/rootfs/work/app")" 100000

add_test_user
fresh "$scratch/rootless" "$test_user:"
id=$(id -u "$test_user")
become user
bundle ".process.cwd = \"/work/app\" | .linux.namespaces += [{type: \"user\"}]
    | .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: $(id -g "$test_user"), size: 1}]"
assert_eq "rootless" "$(seen | tr '\n' ' ')" "/work/app 0 755 0 755 "
# Nothing is delegated to this user: it works without limits, and says so.
for path in "" /casemate-unsaid; do
    jq --arg path "$path" '.linux.cgroupsPath = $path' "$home/config.json" >"$scratch/with-path.json"
    cp "$scratch/with-path.json" "$home/config.json"
    assert_match "without a cgroup ('$path')" "$(run --debug run --bundle "$home" unsaid </dev/null 2>&1)" "no cgroup.*/work/app"
done
become root

say "the umask"
fresh "$scratch/plain"
command='umask; stat -c %a /work/a /work/a/b'
bundle '.mounts += [{destination: "/work", type: "tmpfs", source: "tmpfs"}, {destination: "/work/a/b", type: "tmpfs", source: "tmpfs"}]'
for mask in 0000 0022 0077; do
    assert_eq "umask and mount points under $mask" "$(umask $mask; seen | tr '\n' ' ')" "0022 755 755 "
done
bundle '.process.user.umask = 0 | .process.args[3] = "umask"'
assert_eq "a umask that is asked for" "$(umask 0077; seen)" "0000"

say "HOME: the user's of the container's passwd, or /; what config.json says stays"
mkdir -p "$home/rootfs/etc"
printf 'root:x:0:0::/root:/bin/sh\nbroken:5\napp:x:5:5:An app:/home/app:/bin/sh\n' >"$home/rootfs/etc/passwd"
command='echo $HOME'
for row in 0:/root 5:/home/app 6:/; do
    bundle ".process.user.uid = ${row%:*}"
    assert_eq "HOME of ${row%:*}" "$(seen)" "${row#*:}"
done
bundle '.process.env += ["HOME=/mine"]'
assert_eq "HOME that is asked for" "$(seen)" /mine
rm "$home/rootfs/etc/passwd"
mkfifo "$home/rootfs/etc/passwd"
bundle
assert_eq "HOME beside a FIFO" "$(seen)" /
rm "$home/rootfs/etc/passwd"

say "a container that was never started, signal 0, exec's variables"
command='exec sleep 1000'
bundle
run create --bundle "$home" idle </dev/null >"$scratch/create.log" 2>&1 || fail "create"
run kill idle 0 || fail "kill 0 of a created container"
run delete idle || fail "delete of a created container"
nothing_left
(umask 0; run run --detach --bundle "$home" busy </dev/null >"$scratch/run.log" 2>&1) || fail "run --detach"
assert_eq "umask of exec" "$(umask 0; run exec busy sh -c umask)" "0022"
run delete busy 2>/dev/null && fail "a running container was deleted without --force"
run kill busy 0 || fail "kill 0"
assert_eq "a variable more" "$(run exec -e MORE=2 busy env | sort | tr '\n' ' ')" "HOME=/ KEPT=1 MORE=2 PATH=/bin "
for variable in MORE =2 ""; do
    status=0
    said=$(run exec -e "$variable" busy env 2>&1) || status=$?
    assert_eq "exec -e '$variable'" "$status" 255
    assert_match "exec -e '$variable'" "$said" "'--env': expected NAME=value, got '$variable'"
done
run delete --force busy || fail "delete --force"
run kill busy 0 2>/dev/null && fail "kill 0 of a container that is gone"
nothing_left
