#!/bin/bash
# The relay of --publish under load: 1,000 connections at once, slow clients, half-close with 3 MB each way, a refused
# port inside. As root and as a user.
. "$(dirname "$0")/lib.sh"
load() { python3 "$CASEMATE_SOURCE/tests/e2e/lib_load.py" "$@"; }

mkdir -p "$scratch/echo"/{proc,dev,sys,tmp}
cp "$CASEMATE_BUILD/tests/e2e_echo" "$scratch/echo/echo"
pack --output "$scratch/images/echo" --entrypoint /echo "$scratch/echo"
ulimit -n "$(ulimit -H -n)"

# start NAME IMAGE HOST:CONTAINER...: sets launcher.
start() {
    local name=$1 from=$2 how=()
    shift 2
    for pair in "$@"; do how+=(--publish "$pair"); done
    run launch --profile web --set limits.rlimits.RLIMIT_NOFILE=4096 "${how[@]}" --name "$name" --pid-file "$out/pid" "$from" \
        >"$scratch/$name.log" 2>&1 &
    launcher=$!
}
stop() {
    run kill "$1" TERM
    wait $launcher || fail "the launcher ended with $?"
    rm -f "$out/pid"
    run delete --force "$1"
    nothing_left
}

for user in root user; do
    become $user
    say "$user: many connections, slow clients, a port where nobody listens"
    port=$(free_port)
    closed=$(free_port)
    start load "$(image health)" "$port:8080" "$closed:81"
    wait_http "http://127.0.0.1:$port/health" $launcher >/dev/null
    load many "$port" 1000
    load slow "$port"
    load many "$port" 1000
    status=0
    curl -s --max-time 5 "http://127.0.0.1:$closed/" || status=$?
    assert_match "curl to a port where nobody listens (reset or empty reply, at once)" $status '^(7|52|56)$'
    stop load

    say "$user: half-close"
    port=$(free_port)
    start echo "$scratch/images/echo" "$port:9000"
    wait_for "the echo server" 10 test -s "$out/pid"
    sleep 0.3
    load half-close "$port" 3145728
    stop echo
done
