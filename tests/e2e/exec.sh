#!/bin/bash
# `casemate exec`: one more process in a running container is as confined as the first, is asked for in every way that
# engines and people do, and belongs to the right parent. As root with and without a user namespace, under `hardened`,
# and rootless.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || { echo "skipped: needs jq"; exit 77; }

# make_bundle DIR JQ: busybox and a configuration like an engine's, changed by the jq program.
make_bundle() {
    mkdir -p "$1"/rootfs/{bin,proc,sys,dev,tmp,etc}
    cp /bin/busybox "$1/rootfs/bin/busybox"
    for applet in sh sleep id cat grep readlink true echo env ls kill hostname head stat tr; do ln -sf busybox "$1/rootfs/bin/$applet"; done
    [ -e "$1/config.json" ] || "$scratch/bin/casemate" spec --bundle "$1"
    jq '.process.args = ["/bin/sleep", "1000"] | .process.terminal = false | .process.env = ["PATH=/bin", "FROM=container"]
        | .linux.namespaces |= map(select(.type != "cgroup")) | .mounts |= map(select(.type != "cgroup")) | del(.linux.resources, .process.rlimits)
        | '"${2:-.}" "$1/config.json" >"$1/new"
    mv "$1/new" "$1/config.json"
    chmod -R go+rX "$1"
}
is_running() { run state "$1" 2>/dev/null | grep -q '"running"'; }
is_gone() { ! run state "$1" >/dev/null 2>&1; }
start_container() { # BUNDLE ID: in the background, running
    run run --bundle "$1" --pid-file "$out/$2.pid" "$2" >"$scratch/$2.log" 2>&1 &
    wait_for "container $2" 10 test -s "$out/$2.pid"
    wait_for "container $2 running" 10 is_running "$2"
}
stop_container() {
    run kill "$1" KILL
    wait_for "the end of $1" 10 is_gone "$1"
    rm -f "$out/$1.pid"
}
fields='^(Cap[A-Z][a-z]+|NoNewPrivs|Seccomp|Seccomp_filters|Groups|Uid|Gid):'
same_confinement() { # ID: what the kernel says of an exec'ed process is what it says of the container's first
    local pid first second
    pid=$(cat "$out/$1.pid")
    first=$(grep -E "$fields" "/proc/$pid/status")
    run exec --detach --pid-file "$out/second.pid" "$1" /bin/sleep 1000 </dev/null >/dev/null 2>&1
    second=$(cat "$out/second.pid")
    assert_eq "status of exec'ed and first process of $1" "$(grep -E "$fields" "/proc/$second/status")" "$first"
    for kind in cgroup ipc mnt net pid user uts; do
        assert_eq "namespace $kind" "$(readlink "/proc/$second/ns/$kind")" "$(readlink "/proc/$pid/ns/$kind")"
    done
    assert_eq "descriptors" "$(find "/proc/$second/fd" -mindepth 1 -printf '%f ')" "0 1 2 "
    kill -KILL "$second"
    rm "$out/second.pid"
}

say "root, as config.json asks"
bundle=$scratch/bundle
make_bundle "$bundle"
start_container "$bundle" plain
same_confinement plain
assert_eq "output" "$(run exec plain echo hello there)" "hello there"
assert_eq "in its pid namespace" "$(run exec plain cat /proc/1/comm)" "sleep"
assert_eq "environment" "$(run exec -e FROM=me --env MORE=1 plain sh -c 'echo $FROM$MORE')" "me1"
assert_eq "working directory" "$(run exec --cwd /tmp plain sh -c pwd)" "/tmp"
assert_eq "user" "$(run exec -u 5:6 -g 7 --additional-gids 8 plain id)" "uid=5 gid=6 groups=6,7,8"
assert_eq "standard input" "$(echo through | run exec plain cat)" "through"
status=0; run exec plain sh -c 'exit 42' || status=$?
assert_eq "exit code" $status 42
status=0; run exec plain sh -c 'kill -TERM $$' || status=$?
assert_eq "exit code of a signal" $status 143
assert_eq "a new session" "$(run exec plain sh -c 'set -- $(cat /proc/self/stat); test $6 = $PPID || echo $(( $6 > 1 ))')" "1"
caps=$(run exec --cap CAP_SYS_TIME plain grep CapBnd /proc/self/status)
[ "$caps" != "$(run exec plain grep CapBnd /proc/self/status)" ] || fail "--cap changed nothing"
assert_eq "--no-new-privs" "$(run exec --no-new-privs plain grep NoNewPrivs /proc/self/status | tr -d '\t ')" "NoNewPrivs:1"

say "errors: 255 and one line"
error_of() { # COMMAND...: its error, its code must be 255
    local status=0
    "$@" >"$scratch/error.log" 2>&1 </dev/null || status=$?
    assert_eq "exit code of $*" $status 255
    cat "$scratch/error.log"
}
assert_match "no such container" "$(error_of run exec none true)" "container 'none' does not exist"
assert_match "no such program" "$(error_of run exec plain /bin/nothing)" "No such file or directory"
assert_match "not in the path" "$(error_of run exec plain nothing)" 'executable file not found in \$PATH'
assert_match "no command" "$(error_of run exec plain)" "a command is missing"
assert_match "no such directory" "$(error_of run exec --cwd /no plain true)" "No such file or directory"
assert_match "a user by name" "$(error_of run exec -u root plain true)" "is not UID"
assert_match "a descriptor that is not open" "$(error_of run exec --preserve-fds 40 plain true)" "Bad file descriptor"

say "--process, as engines call it"
cat >"$out/process.json" <<'JSON'
{"user": {"uid": 3, "gid": 4, "umask": 23, "additionalGids": [9]}, "args": ["sh", "-c", "id; umask; echo $A; pwd; ulimit -n; cat /proc/self/oom_score_adj"],
 "env": ["PATH=/bin", "A=b"], "cwd": "/tmp", "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}], "oomScoreAdj": 321, "noNewPrivileges": true}
JSON
assert_eq "the process of the file" "$(run exec --process "$out/process.json" plain)" $'uid=3 gid=4 groups=4,9\n0027\nb\n/tmp\n77\n321'
assert_match "both" "$(error_of run exec --process "$out/process.json" --cwd / plain)" "exclude one another"
jq '.args = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status"] | .execCPUAffinity = {initial: "0", final: "1"}' "$out/process.json" >"$out/affinity.json"
[ "$(nproc)" -lt 2 ] || assert_match "execCPUAffinity" "$(run exec --process "$out/affinity.json" plain)" "[[:space:]]1$"
jq '.args = ["sleep", "1000"]' "$out/process.json" >"$out/detached.json"
run exec --detach --pid-file "$out/exec.pid" --process "$out/detached.json" plain </dev/null >/dev/null 2>&1
second=$(cat "$out/exec.pid")
assert_eq "the pid file has no newline" "$(wc -l <"$out/exec.pid")" 0
assert_eq "the detached process" "$(cat "/proc/$second/comm")" "sleep"
# An engine's monitor is a subreaper: the process is its child once exec has gone, and it gets the code.
python3 - "$scratch/bin/casemate" "$state" "$out/reaped.pid" <<'PY' || fail "a subreaper does not get the detached process"
import ctypes, os, subprocess, sys
casemate, state, pid_file = sys.argv[1:]
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
subprocess.run([casemate, "--root", state, "exec", "-d", "--pid-file", pid_file, "plain", "sh", "-c", "exit 9"], check=True, stdin=subprocess.DEVNULL)
pid = int(open(pid_file).read())
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
PY

say "signals are forwarded; the death of the caller is not the process's (runc's rule)"
"$scratch/bin/casemate" --root "$state" exec plain sh -c 'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.1; done' >"$scratch/signal.log" 2>&1 &
launcher=$!
wait_for "the exec'ed shell" 10 grep -q ready "$scratch/signal.log"
kill -TERM "$launcher"
status=0; wait "$launcher" || status=$?
assert_eq "code after a forwarded signal" $status 5
grep -q got "$scratch/signal.log" || fail "the signal did not arrive"
"$scratch/bin/casemate" --root "$state" exec --pid-file "$out/orphan.pid" plain sleep 1000 </dev/null >/dev/null 2>&1 &
launcher=$!
wait_for "the process" 10 test -s "$out/orphan.pid"
orphan=$(cat "$out/orphan.pid")
wait_for "its program" 10 grep -q sleep "/proc/$orphan/comm"
kill -KILL "$launcher"; wait "$launcher" 2>/dev/null || :
kill -0 "$orphan" || fail "the process ended with its caller"

say "--preserve-fds: those and no other"
echo three >"$out/three"
assert_eq "fd 3" "$(run exec --preserve-fds 1 plain sh -c 'cat <&3; ls /proc/self/fd | head -n 20 | tr "\n" " "' 3<"$out/three" 9<"$out/three")" $'three\n0 1 2 3 4 '

say "a program that is a link to /proc/self/exe (CVE-2019-5736)"
seen=$(run exec plain /proc/self/exe --version 2>&1 || :)
[[ $seen != *version* ]] || fail "/proc/self/exe is the launcher: $seen"
ln -sf /proc/self/exe "$bundle/rootfs/bin/trap"
seen=$(run exec plain trap --version 2>&1 || :)
[[ $seen != *version* ]] || fail "a link to /proc/self/exe is the launcher: $seen"
stop_container plain
for pid in "$second" "$orphan"; do
    wait_for "the end of what was exec'ed" 5 sh -c "! kill -0 $pid 2>/dev/null"
done
assert_match "gone" "$(error_of run exec plain true)" "does not exist"

say "a working directory outside the container (CVE-2024-21626)"
start_container "$bundle" leak
for number in $(seq 0 20); do
    status=0
    run exec --cwd "/proc/self/fd/$number" leak sh -c 'pwd; ls; cat ../../../etc/hostname' </ >"$scratch/cwd.log" 2>&1 || status=$?
    [ $status -eq 255 ] || fail "cwd /proc/self/fd/$number: $(cat "$scratch/cwd.log")"
    run exec "leak" "/proc/self/fd/$number" </ >"$scratch/cwd.log" 2>&1 && fail "program /proc/self/fd/$number ran"
done
stop_container leak

say "created, stopped"
run create --bundle "$bundle" waiting </dev/null >/dev/null 2>&1
assert_eq "in a created container" "$(run exec waiting echo early)" "early"
run start waiting
run kill waiting KILL
wait_for "stopped" 10 sh -c "'$scratch/bin/casemate' --root '$state' state waiting | grep -q stopped"
assert_match "in a stopped one" "$(error_of run exec waiting true)" "container not running"
run delete waiting

say "with a user namespace"
make_bundle "$scratch/userns" '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 1879048192, "size": 65536}]
    | .linux.gidMappings = .linux.uidMappings | .root.readonly = true'
chown -R 1879048192:1879048192 "$scratch/userns/rootfs"
start_container "$scratch/userns" userns
same_confinement userns
assert_eq "ids inside" "$(run exec -u 12:13 userns id -u)" 12
assert_match "an id without a map" "$(error_of run exec -u 70000 userns true)" "is not in the user namespace's map"
stop_container userns

say "under a ceiling, under hardened"
start_hardened() { # as whom `become` says
    run launch --profile hardened --name "$1" --pid-file "$out/$1.pid" "rootfs:$bundle/rootfs" -- /bin/sleep 1000 >"$scratch/$1.log" 2>&1 &
    wait_for "launch $1" 20 test -s "$out/$1.pid"
    wait_for "launch $1 running" 10 is_running "$1"
}
check_hardened() {
    run exec --detach --pid-file "$out/second.pid" "$1" /bin/sleep 1000 </dev/null >/dev/null 2>&1
    assert_sandboxed "$(cat "$out/second.pid")"
    assert_match "root is refused" "$(error_of run exec -u 0 "$1" true)" "uid 0 is refused"
    assert_eq "no capability comes by --cap" "$(run exec --cap CAP_NET_ADMIN "$1" grep -c 'Cap.*:.0000000000000000' /proc/self/status)" 5
    assert_eq "read-only root" "$(run exec "$1" sh -c 'echo x >/etc/x' 2>&1 | grep -ci 'read-only\|denied')" 1
    kill -KILL "$(cat "$out/second.pid")" 2>/dev/null || :
    rm "$out/second.pid"
}
start_hardened hard
check_hardened hard
stop_container hard

say "rootless"
become user
start_hardened mine
check_hardened mine
stop_container mine
nothing_left
echo "exec: ok"
