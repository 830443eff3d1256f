#!/bin/bash
# Bad input: each case is one clear error with the step, the path and a hint, the right exit code, and nothing left: no
# process, mount, state or half-unpacked file.
. "$(dirname "$0")/lib.sh"
cases=0
python_layout() { python3 "$CASEMATE_SOURCE/tests/e2e/lib_layout.py" "$@"; }

wrongs=0
wrong() { # WHAT ARG...
    wrongs=$((wrongs + 1))
    printf 'WRONG: %s: casemate %s\n%s\n' "$1" "${*:2}" "$(cat "$scratch/err.log")" >&2
}

# refused CODE REGEX [hint] ARG...: casemate ARG... must exit with CODE; standard error must match REGEX, in one line
# (and a hint line where one is asked for); nothing may be left. WRAP: words put before casemate.
WRAP=()
refused() {
    local code=$1 regex=$2 hint='' status=0
    shift 2
    if [ "$1" = hint ]; then hint=1 && shift; fi
    cases=$((cases + 1))
    "${WRAP[@]}" "$scratch/bin/casemate" --root "$state" "$@" >"$scratch/out.log" 2>"$scratch/err.log" </dev/null || status=$?
    [ "$status" -eq "$code" ] || wrong "exit $status, expected $code" "$@"
    grep -v '^hint: ' "$scratch/err.log" | grep -qE "$regex" || wrong "does not match '$regex'" "$@"
    [ -z "$hint" ] || grep -q '^hint: ' "$scratch/err.log" || wrong "no hint" "$@"
    nothing_left "${mounts_before:-0}"
}

health=$(image health)
tree=$scratch/tree
mkdir -p "$tree"/{proc,dev,sys,tmp,etc}
cp /bin/busybox "$tree/busybox"
echo plain >"$tree/plain"
chmod 644 "$tree/plain"

say "config.json and bundles"
bundle() { # NAME [JQ-FILTER]: a bundle that would run, with one thing changed
    mkdir -p "$scratch/$1"
    [ -e "$scratch/$1/rootfs" ] || cp -r "$tree" "$scratch/$1/rootfs"
    crun spec -b "$scratch/$1" 2>/dev/null || (cd "$scratch/$1" && rm -f config.json && crun spec)
    jq ".process.args = [\"/busybox\", \"true\"] | .process.terminal = false | del(.linux.resources)
        | .mounts |= map(select(.type != \"cgroup\")) | ${2:-.}" "$scratch/$1/config.json" >"$scratch/$1/new"
    mv "$scratch/$1/new" "$scratch/$1/config.json"
}
mkdir "$scratch/empty"
refused 125 "empty.*config\.json|config\.json.*ENOENT" run --bundle "$scratch/empty" none
bundle cut
truncate -s 100 "$scratch/cut/config.json"
refused 125 'config\.json.*(line|byte|offset|column)' run --bundle "$scratch/cut" cut
bundle type '.process.args = "true"'
refused 125 'process\.args' run --bundle "$scratch/type" type
bundle version '.ociVersion = "9.0.0"'
refused 125 'ociVersion' run --bundle "$scratch/version" version
bundle relative '.process.cwd = "tmp"'
refused 125 'process\.cwd' run --bundle "$scratch/relative" relative
bundle capability '.process.capabilities.bounding = ["CAP_KIL"]'
run run --bundle "$scratch/capability" capability >/dev/null 2>&1 || fail "a capability that nobody knows is ignored (config.md), not refused"
bundle nodir '.root.path = "not-there"'
refused 125 'not-there' run --bundle "$scratch/nodir" nodir
bundle id
refused 125 'id' run --bundle "$scratch/id" ../../etc
refused 127 "not-there" run --bundle "$(bundle command '.process.args = ["/not-there"]' && echo "$scratch/command")" command

say "profiles"
profile() { echo "$2" >"$scratch/$1.json"; }
profile key '{"schemaVersion": 1, "extends": "web", "networc": {}}'
refused 125 "\\\$\.networc: unknown key; did you mean 'network'" launch --profile "$scratch/key.json" "$health"
profile syscall '{"schemaVersion": 1, "extends": "web", "seccomp": {"deny": ["ptrase"]}}'
refused 125 "seccomp\.deny\[0\].*ptrase'.*did you mean 'ptrace'" launch --profile "$scratch/syscall.json" "$health"
profile cap '{"schemaVersion": 1, "extends": "web", "capabilities": ["CAP_NET_BIND_SERVIC"]}'
refused 125 "capabilities.*did you mean 'CAP_NET_BIND_SERVICE'" launch --profile "$scratch/cap.json" "$health"
profile twice '{"schemaVersion": 1, "extends": "web", "extends": "oci"}'
refused 125 "extends.*(twice|duplicate)" launch --profile "$scratch/twice.json" "$health"
refused 125 "hardend'.*did you mean 'hardened'" launch --profile hardend "$health"
refused 125 "\\\$\.identity\.user\.uid: 0 is root" launch --profile hardened --user 0:0 "$health"

say "images"
refused 125 "nowhere" hint launch "$scratch/nowhere"
refused 125 "latst" launch --ref latst "$health"
python_layout digest "$health" "$scratch/digest"
refused 125 "digest|sha256" launch "$scratch/digest"
python_layout truncated "$health" "$scratch/truncated"
refused 125 "truncated|ends|layer" launch "$scratch/truncated"
python_layout truncated-honest "$health" "$scratch/honest"
refused 125 "truncated|ends|layer" launch "$scratch/honest"
python_layout missing-blob "$health" "$scratch/missing"
refused 125 "sha256.*ENOENT|sha256.*missing|not there" launch "$scratch/missing"
pack --output "$scratch/arch" --architecture riscv64 --entrypoint /busybox "$tree"
refused 125 "riscv64" launch "$scratch/arch"
pack --output "$scratch/no-command" --entrypoint /not-there "$tree"
refused 127 "/not-there" launch "$scratch/no-command"
pack --output "$scratch/not-executable" --entrypoint /plain "$tree"
refused 126 "/plain" launch "$scratch/not-executable"
pack --output "$scratch/no-name" --user nobodyknows --entrypoint /busybox "$tree"
refused 125 "nobodyknows" launch "$scratch/no-name"

say "the host"
port=$(free_port)
python3 -c 'import socket, sys, time; s = socket.create_server(("127.0.0.1", int(sys.argv[1]))); time.sleep(60)' "$port" &
holder=$!
wait_for "a busy port" 5 bash -c ": 2>/dev/null </dev/tcp/127.0.0.1/$port" 2>/dev/null
refused 125 "127\.0\.0\.1:$port.*EADDRINUSE" hint launch --profile web --publish "$port:8080" "$health"
refused 125 "127\.0\.0\.1:$port.*EADDRINUSE" hint launch --profile web --listen "127.0.0.1:$port" "$health"
kill $holder
refused 125 "UDP|udp" launch --profile web --publish "5353:53/udp" "$health"

without() { # CALL ERRNO: strace makes the call fail, as on a kernel or host that has not got it
    WRAP=(strace -qq -f -o /dev/null -e "trace=$1" -e "inject=$1:error=$2")
}
without landlock_create_ruleset ENOSYS
refused 125 "[Ll]andlock" hint launch "$health"
without openat2 ENOSYS
refused 125 "openat2" launch "$health"
without clone3 ENOSPC
refused 125 "clone3.*ENOSPC" hint launch "rootfs:$tree" -- /busybox true
WRAP=()

state_kept=$state
mkdir "$scratch/readonly"
mount -t tmpfs -o ro,size=64k none "$scratch/readonly"
mounts_before=1
state=$scratch/readonly/state
refused 125 "$scratch/readonly.*EROFS" hint launch "$health"
umount "$scratch/readonly"
mounts_before=0
state=$state_kept
# The disk that images are unpacked to is full: what was written until then is removed again.
mount -t tmpfs -o size=256k,mode=700 none /var/lib/casemate
refused 125 "ENOSPC" launch "$health"
# What stays is the store as an empty one is: its own directories, and locks.
left=$(cd /var/lib/casemate && find . ! -name "*.lock" ! -name lock ! -path ./.store/strip/layers ! -path ./.store/strip/images \
    ! -path ./.store/strip/references ! -path ./.store/strip ! -path ./.store ! -path .)
assert_eq "left on the full disk" "$left" ""
umount /var/lib/casemate

say "unprivileged"
become user
WRAP=(setpriv --reuid "$test_user" --regid "$test_user" --clear-groups)
state=$scratch/state-root
refused 125 "state-root.*(EACCES|EPERM)" hint launch "$health"
nothing_left
echo "$cases cases"
[ $wrongs -eq 0 ] || fail "$wrongs of them wrong"
