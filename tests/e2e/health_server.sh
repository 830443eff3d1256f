#!/bin/bash
# The health example by itself, without casemate: what it answers, LISTEN_FDS, slow clients, 1,000 connections, SIGTERM.
# And its image: the same bytes every time, and skopeo and umoci read it.
. "$(dirname "$0")/lib.sh"
cp "$CASEMATE_BUILD/examples/bin/health" "$scratch/bin/server"
server=$scratch/bin/server
ulimit -n "$(ulimit -H -n)"
port=$(free_port)
url=http://127.0.0.1:$port

PORT=$port "$server" 2>/dev/null &
pid=$!
assert_eq "body" "$(wait_http "$url/health" $pid)" '{"status":"ok"}'
assert_match "head" "$(curl -si "$url/health" | tr -d '\r')" $'Content-Type: application/json\nContent-Length: 15\n'
assert_eq "unknown path" "$(curl -s -o /dev/null -w '%{http_code}' "$url/health/x")" 404
assert_eq "POST" "$(curl -s -o /dev/null -w '%{http_code}' -d a=b "$url/health")" 405
assert_eq "HEAD" "$(curl -sI -o /dev/null -w '%{http_code} %{size_download}' "$url/health")" "200 0"
python3 "$CASEMATE_SOURCE/tests/e2e/lib_load.py" slow "$port"
python3 "$CASEMATE_SOURCE/tests/e2e/lib_load.py" many "$port" 1000
kill -TERM $pid
status=0
wait $pid || status=$?
assert_eq "exit code after SIGTERM" $status 0

say "LISTEN_FDS"
python3 - "$server" "$port" <<'P' &
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execve(sys.argv[1], ["health"], {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "PORT": "1"})
P
pid=$!
assert_eq "body" "$(wait_http "$url/health" $pid)" '{"status":"ok"}'
kill -TERM $pid
wait $pid || fail "exit code $?"

say "the image"
skopeo inspect --config "oci:$CASEMATE_BUILD/examples/health:latest" | jq -e '.config.User == "1001:1001"' >/dev/null || fail "config"
umoci unpack --rootless --image "$CASEMATE_BUILD/examples/health:latest" "$scratch/unpacked" >/dev/null 2>&1 || fail "umoci"
cmp "$scratch/unpacked/rootfs/health" "$server"
for copy in a b; do
    pack --output "$scratch/$copy" --entrypoint /health --compress zstd "$scratch/unpacked/rootfs"
    find "$scratch/unpacked/rootfs" -exec touch {} +
done
diff -r "$scratch/a" "$scratch/b" || fail "packing twice gives two images"
