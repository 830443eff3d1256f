#!/bin/bash
# NOTIFY_SOCKET: an app says that it is ready, and the service manager hears it, through `run`, `launch`, and `create` with
# `start`, which waits for it. What an app may not say does not come through.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/usr" "$scratch/root/run" "$scratch/bundle"
chmod 755 "$scratch/root"
cp /bin/busybox "$scratch/root/bin/"
ln -s usr/lib "$scratch/root/lib"
ln -s usr/lib64 "$scratch/root/lib64"
bundle=$scratch/bundle
manager=$scratch/manager
heard=$scratch/heard.txt
cat >"$scratch/listen.py" <<'PY'
import os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
open(sys.argv[2] + ".there", "w").close()
manager.settimeout(1)
test = os.getppid()
while os.getppid() == test:  # and no longer: a test that failed is not to be waited for
    try:
        data, fds, _, _ = socket.recv_fds(manager, 4096, 1)
    except TimeoutError:
        continue
    for fd in fds:
        os.close(fd)
    with open(sys.argv[2], "a") as out:
        out.write(" ".join(data.decode().split("\n")).strip() + "\n")
PY
python3 "$scratch/listen.py" "$manager" "$heard" &
listener=$!
wait_for "the manager" 10 test -e "$heard.there"

say_it='
import os, socket, time
try:
    open("/run/notify/x", "w")
    print("writable")
except OSError as error:
    print(error.errno)
app = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
app.connect(os.environ["NOTIFY_SOCKET"])
time.sleep(DELAY)
app.send(b"MAINPID=1\nSTATUS=nearly")
app.send(b"FDSTORE=1")
app.send(b"STATUS=up\nREADY=1\nMAINPID=1")
time.sleep(LIFE)
app.send(b"STOPPING=1")
'
app() { sed "s/DELAY/$1/;s/LIFE/$2/" <<<"$say_it"; }
write_config() { # DELAY LIFE
    python3 - "$(app "$1" "$2")" <<PY >"$bundle/config.json"
import json, sys
print(json.dumps({"ociVersion": "1.2.0", "root": {"path": "$scratch/root", "readonly": True},
  "process": {"user": {"uid": 1000, "gid": 1000}, "cwd": "/", "args": ["/usr/bin/python3", "-c", sys.argv[1]], "env": ["NOTIFY_SOCKET=/evil"]},
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}],
  "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}]}}))
PY
    rm -f "$heard"
}
export NOTIFY_SOCKET=$manager
lines() { tr '\n' ';' <"$heard" 2>/dev/null; }

write_config 0 0.2
assert_eq "run: the directory is read-only" "$(run run --bundle "$bundle" notified)" 30
assert_eq "run" "$(lines)" "STATUS=nearly;STATUS=up READY=1;STOPPING=1;"
nothing_left

say "create and start"
write_config 1 30
run create --bundle "$bundle" --pid-file "$scratch/pid" notified >/dev/null || fail create
[ ! -s "$heard" ] || fail "create: $(lines)"
before=$(date +%s%N)
run start notified || fail start
[ $((($(date +%s%N) - before) / 1000000)) -ge 900 ] || fail "start did not wait"
assert_eq "start" "$(lines)" "STATUS=nearly;STATUS=up READY=1 MAINPID=$(cat "$scratch/pid");BARRIER=1;"
run delete --force notified
nothing_left

say "run --detach"
write_config 0 30
run run --detach --bundle "$bundle" --pid-file "$scratch/pid" notified >/dev/null || fail "run --detach"
assert_eq "run --detach" "$(lines)" "STATUS=nearly;STATUS=up READY=1 MAINPID=$(cat "$scratch/pid");BARRIER=1;"
run delete --force notified

say "an app that ends without a word; one that is deleted while start waits"
write_config 0 0
sed -i 's#/usr/bin/python3#/bin/busybox#; s#"-c"#"true"#' "$bundle/config.json"
run create --bundle "$bundle" notified >/dev/null || fail create
run start notified || fail "start of an app that ends unready"
run delete notified
write_config 100 0
run create --bundle "$bundle" notified >/dev/null || fail create
run start notified &
starter=$!
sleep 0.5
run delete --force notified || fail "delete while start waits"
wait $starter || fail "start, its container deleted"
nothing_left

say "launch"
rm -f "$heard"
mkdir "$scratch/usr" && mount --bind /usr "$scratch/usr"  # hardened gives no one the host's own /usr
NOTIFY_SOCKET=$manager run launch --volume "$scratch/usr:/usr:ro" "rootfs:$scratch/root" -- /usr/bin/python3 -c "$(app 0 0.2)" >"$scratch/launch.log" || fail launch
assert_eq "launch" "$(lines)" "STATUS=nearly;STATUS=up READY=1;STOPPING=1;"
umount "$scratch/usr"
unset NOTIFY_SOCKET
rm -f "$heard"
seen=$(run launch "rootfs:$scratch/root" -- /bin/busybox sh -c 'echo "[$NOTIFY_SOCKET]"')
assert_eq "launch without a manager" "$seen" "[]"
kill $listener
wait $listener || :
rm -rf "$scratch/manager"
nothing_left
