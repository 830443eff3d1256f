# shellcheck shell=bash
# The end-to-end test of a Python example, for launch_fastapi.sh and launch_flask.sh: served by `launch` under web, as
# root and as a user, through the relay and through an inherited socket; the app itself says what it sees.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# serve EXAMPLE root|user relay|socket [COMMAND...]: COMMAND replaces the image's command.
serve() {
    local example=$1 way=$3 name=$1-$2-$3 port url launcher seen status=0
    become "$2"
    say "$2, $way"
    shift 3
    port=$(free_port)
    url=http://127.0.0.1:$port
    local how=(--publish "$port:8000")
    [ "$way" = relay ] || how=(--listen "127.0.0.1:$port")
    [ $# -eq 0 ] || set -- -- "$@"
    run launch --profile web "${how[@]}" --name "$name" --pid-file "$out/pid" "$(image "$example")" "$@" \
        >"$scratch/$name.log" 2>&1 &
    launcher=$!
    assert_eq "/health" "$(wait_http "$url/health" $launcher | jq -c .)" '{"status":"ok"}'
    seen=$(curl -sf "$url/sandbox" | jq -cS '[.uid, .gid, .root_read_only, .CapEff, .CapBnd, .NoNewPrivs, .Seccomp]')
    assert_eq "/sandbox" "$seen" '[1001,1001,true,"0000000000000000","0000000000000000","1","2"]'
    assert_sandboxed "$(app_pid "$(cat "$out/pid")")"
    run verify "$name" >"$scratch/verify.log" 2>&1 || fail "verify $name: exit $?"
    run kill "$name" TERM
    wait $launcher || status=$?
    assert_match "exit code of the launcher" "$status" '^(0|143)$'
    rm -f "$out/pid"
    run delete --force "$name"
    nothing_left
}
