#!/bin/bash
# `launch` of the health image: as root and as a user, through the relay and through an inherited socket; what is seen
# of the app from outside; verify on it; SIGTERM reaches it; nothing is left.
. "$(dirname "$0")/lib.sh"

# serve WHO relay|socket
serve() {
    become "$1"
    say "$1, $2"
    local port url launcher pid app status name=health-$1-$2
    port=$(free_port)
    url=http://127.0.0.1:$port
    local how=(--publish "$port:8080")
    [ "$2" = relay ] || how=(--listen "127.0.0.1:$port")
    run launch --profile web "${how[@]}" --name "$name" --pid-file "$out/pid" --report "$out/report" "$(image health)" \
        >"$scratch/$name.log" 2>&1 &
    launcher=$!
    assert_eq "/health" "$(wait_http "$url/health" $launcher)" '{"status":"ok"}'
    assert_eq "404" "$(curl -s -o /dev/null -w '%{http_code}' "$url/else")" 404
    pid=$(cat "$out/pid")
    app=$(app_pid "$pid")
    assert_sandboxed "$app"
    assert_eq "interfaces" "$(awk 'NR > 2 { print $1 }' "/proc/$app/net/dev")" lo:
    run list >"$scratch/list.log"
    grep -q "$name" "$scratch/list.log" || fail "list does not name $name"
    run verify "$name" >"$scratch/verify.log" 2>&1 || fail "verify $name: exit $?"
    run kill "$name" TERM
    status=0
    wait $launcher || status=$?
    assert_eq "exit code of the launcher" "$status" 0
    jq -e '.exitCode == 0 or .code == 0' "$out/report" >/dev/null || fail "report: $(cat "$out/report")"
    rm -f "$out/pid" "$out/report"
    run delete --force "$name" >/dev/null 2>&1 || :
    curl -s --max-time 2 "$url/health" && fail "the port still answers"
    nothing_left
}

for user in root user; do
    for way in relay socket; do serve $user $way; done
done

say "--detach, list, kill, delete"
become root
port=$(free_port)
run launch --profile web --publish "$port:8080" --detach --name away --pid-file "$out/pid" "$(image health)" >"$scratch/away.log" 2>&1
assert_eq "/health" "$(wait_http "http://127.0.0.1:$port/health" "$(cat "$out/pid")")" '{"status":"ok"}'
run kill away KILL
wait_for "the app ends" 5 test ! -d "/proc/$(cat "$out/pid")/ns"
run delete --force away
rm -f "$out/pid"
nothing_left

say "exit codes: the app's own, and 128 + signal"
mkdir -p "$scratch/busybox"/{proc,dev,sys,tmp}
cp /bin/busybox "$scratch/busybox/"
pack --output "$scratch/images/busybox" --entrypoint /busybox --cmd sh --cmd=-c --cmd 'exit 7' "$scratch/busybox"
status=0
run launch --rm "$scratch/images/busybox" >"$scratch/exit.log" 2>&1 || status=$?
assert_eq "exit 7" $status 7
status=0
run launch --rm "$scratch/images/busybox" -- /busybox sh -c 'kill -9 $$' >"$scratch/exit.log" 2>&1 || status=$?
assert_eq "killed by 9" $status 137
assert_eq "stdin to stdout" "$(echo hello | run launch --rm "$scratch/images/busybox" -- /busybox cat 2>"$scratch/cat.log")" hello
nothing_left
