#!/bin/bash
# The app's own terminal: `launch -t` and `run` between a caller's terminal and the app, and `create --console-socket` for
# engines. What is seen inside, what passes through, and that the caller's terminal is always itself again.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/tmp" "$scratch/root/usr" "$scratch/root/proc" "$scratch/root/dev"
chmod 755 "$scratch/root"
cp /bin/busybox "$scratch/root/bin/"
for link in bin/sh bin/cat; do ln -s busybox "$scratch/root/$link"; done
ln -s usr/lib "$scratch/root/lib"
ln -s usr/lib64 "$scratch/root/lib64"
player=$(dirname "$0")/lib_caller.py
# play ACT... -- ARG...: casemate ARG... on a terminal of 33 by 77, as whom `become` says.
play() {
    local acts=()
    while [ "$1" != -- ]; do acts+=("$1") && shift; done
    shift
    if [ "$who" = user ]; then
        as_user python3 "$player" pty "${acts[@]}" -- "$scratch/bin/casemate" --root "$state" "$@"
    else
        python3 "$player" pty "${acts[@]}" -- "$scratch/bin/casemate" --root "$state" "$@"
    fi
}
app() { echo launch "$@" "rootfs:$scratch/root" --; }
busybox="export PATH=/bin; alias stty='busybox stty' tty='busybox tty' head='busybox head' yes='busybox yes' sleep='busybox sleep' ls='busybox ls' cat='busybox cat'
"

cp "$player" "$scratch/lib_caller.py" && chmod 755 "$scratch/lib_caller.py" && player=$scratch/lib_caller.py
for who_runs in root user; do
    become $who_runs
    code=0
    # shellcheck disable=SC2046
    seen=$(play -- $(app -t) /bin/busybox sh -c "$busybox
[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && tty && stty size && : </dev/tty && echo controlled && [ -c /dev/console ] && echo console; exit 3") || code=$?
    assert_eq "$who_runs: code" $code 3
    assert_eq "$who_runs: inside" "$(tail -n 4 <<<"$seen" | tr '\n' ' ')" "/dev/pts/0 33 77 controlled console "
    [[ $seen != *CHANGED* ]] || fail "$who_runs: $seen"

    code=0
    seen=$(play "await ready" "raw" "type \x03" -- $(app -t) /bin/busybox sh -c "$busybox
trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.1; done") || code=$?
    assert_eq "$who_runs: code after ctrl-C" $code 7
    assert_eq "$who_runs: ctrl-C comes once" "$(grep -c caught <<<"$seen")" 1
    [[ $seen != *CHANGED* ]] || fail "$who_runs: $seen"

    seen=$(play "await ready" "resize 44 99" "await 44 99" "type done\n" -- $(app -t) /bin/busybox sh -c "$busybox
trap 'stty size' WINCH; echo ready; until [ \"\$word\" = done ]; do read word; done; echo end") || :
    assert_match "$who_runs: the window's new size" "$seen" "44 99"

    code=0
    seen=$(play "await ready" "signal SIGTERM" -- $(app -t) /bin/busybox sh -c "$busybox
echo ready; while :; do sleep 0.1; done") || code=$?
    assert_eq "$who_runs: code after SIGTERM to the launcher" $code 143
    [[ $seen != *CHANGED* ]] || fail "$who_runs: after SIGTERM: $seen"
    seen=$(play -- $(app -t) /no/such/program) && fail "no such program"
    [[ $seen != *CHANGED* ]] || fail "$who_runs: after an error: $seen"

    # The app closes its terminal and opens it again; its own ends stay open meanwhile.
    seen=$(play -- $(app -t) /bin/busybox sh -c "$busybox
exec 0</dev/null 1>/dev/null 2>/dev/null; sleep 0.3; echo again >/dev/tty") || fail "$who_runs: a terminal opened again"
    assert_match "$who_runs: a terminal opened again" "$seen" again

    # Neither side is a terminal.
    sum=$( (yes 0123456789abcdef || :) | head -c 10000000 | md5sum)
    seen=$(run $(app -t) /bin/busybox sh -c "$busybox
stty -opost; yes 0123456789abcdef | head -c 10000000" </dev/null 2>"$scratch/stderr.log" | md5sum) || fail "$who_runs: 10 MB through the terminal"
    assert_eq "$who_runs: 10 MB through the terminal" "$seen" "$sum"
    seen=$(echo hello | run $(app -t) /bin/cat 2>>"$scratch/stderr.log" | tr -d '\r' | tr '\n' ' ') || fail "$who_runs: input from a pipe: $seen"
    assert_eq "$who_runs: input from a pipe, and its end" "$seen" "hello hello "
    seen=$(printf 'no newline' | run $(app -t) /bin/cat 2>>"$scratch/stderr.log" | tr -d '\r') || fail "$who_runs: input without a last newline: $seen"
    assert_match "$who_runs: input without a last newline" "$seen" "no newline"
    nothing_left
done

become root
mkdir "$scratch/usr" && mount --bind /usr "$scratch/usr"  # hardened gives no one the host's own /usr
seen=$(play -- $(app -t --volume "$scratch/usr:/usr:ro") /usr/bin/python3 -c '
import errno, fcntl, termios
for request in (termios.TIOCSTI, termios.TIOCSTI | 1 << 31 << 1):
    try:
        fcntl.ioctl(0, request & 0xffffffff, b"x")
        print("typed")
    except OSError as error:
        print(errno.errorcode[error.errno])') || fail "TIOCSTI: $seen"
umount "$scratch/usr" || fail "umount"
assert_eq "TIOCSTI under hardened" "$(grep -c EPERM <<<"$seen")" 2
code=0
run launch -t --detach "rootfs:$scratch/root" -- /bin/busybox sh 2>"$scratch/detach.log" || code=$?
assert_eq "-t with --detach" "$code" 125

say "console socket"
bundle=$scratch/bundle
mkdir -p "$bundle"
write_config() { # TERMINAL
    cat >"$bundle/config.json" <<JSON
{"ociVersion": "1.2.0", "root": {"path": "$scratch/root"},
 "process": {"terminal": $1, "consoleSize": {"height": 12, "width": 34}, "user": {"uid": 1000, "gid": 1000}, "cwd": "/",
   "args": ["/bin/busybox", "sh", "-c", "busybox stty size; busybox stat -c %u:%g:%t \$(busybox tty); echo ready; read word; echo got \$word; echo end"],
   "env": ["PATH=/bin"]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
   {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]}],
 "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}]}}
JSON
}
write_config true
engine() { # what it saw goes to $scratch/engine.log
    rm -f "$scratch/socket" "$scratch/listening"
    python3 "$player" console "$scratch/socket" "$scratch/listening" >"$scratch/engine.log" 2>&1 &
    engine=$!
    wait_for "the engine listens" 10 test -e "$scratch/listening"
}
engine
run create --bundle "$bundle" --console-socket "$scratch/socket" --pid-file "$scratch/pid" console || fail "create"
run start console || fail "start"
wait $engine || fail "the engine: $(cat "$scratch/engine.log")"
assert_eq "through the master" "$(tr '\n' ' ' <"$scratch/engine.log")" "payload /dev/ptmx, 1 descriptor 12 34 1000:5:88 ready typed got typed end "
wait_for "the end" 10 eval '[ "$(run state console | sed -n "s/.*\"status\": *\"\(.*\)\".*/\1/p")" = stopped ]'
run delete console || fail "delete"
engine
run run --detach --bundle "$bundle" --console-socket "$scratch/socket" console || fail "run --detach"
wait $engine || fail "the engine: $(cat "$scratch/engine.log")"
run delete --force console || fail "delete --force"

refused() { # WHAT TEXT ARG...
    local what=$1 text=$2
    shift 2
    if run "$@" </dev/null 2>"$scratch/refused.log"; then fail "$what: was not refused"; fi
    assert_match "$what" "$(cat "$scratch/refused.log")" "$text"
}
refused "create without a socket" "cannot allocate tty if casemate will detach without setting console socket" create --bundle "$bundle" console
refused "run --detach without a socket" "cannot allocate tty if casemate will detach" run --detach --bundle "$bundle" console
refused "run with a socket in the foreground" "cannot use console socket if casemate will not detach or allocate tty" run --bundle "$bundle" --console-socket "$scratch/socket" console
refused "a socket that nobody listens on" "console socket" create --bundle "$bundle" --console-socket "$scratch/none" console
write_config false
refused "a socket without a terminal" "cannot use console socket" create --bundle "$bundle" --console-socket "$scratch/socket" console
nothing_left
say "terminals"
