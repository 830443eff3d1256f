# shellcheck shell=bash
# Library of the end-to-end tests. Sourcing it gives a scratch directory, a copy of the binary in it that any user may
# run, and clean-up of what is left, by pid. A test's processes are those whose program, or whose own mount table, is in
# its scratch directory, so tests may run beside each other.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 77; }
: "${CASEMATE:?}" "${CASEMATE_SOURCE:?}" "${CASEMATE_BUILD:?}"
[ -x "$CASEMATE" ] || { echo "no $CASEMATE: run scripts/build" >&2; exit 1; }

# A mount namespace of the test's own, so that /var/lib/casemate can be the test's own as well.
if [ -z "${CASEMATE_E2E_PRIVATE:-}" ]; then
    mkdir -p /var/lib/casemate
    CASEMATE_E2E_PRIVATE=1 exec unshare --mount --propagation private "$0" "$@"
fi

scratch=$(mktemp -d /tmp/casemate-e2e.XXXXXX)
chmod 755 "$scratch"
mkdir -m 755 "$scratch/bin" "$scratch/images"
mkdir -m 700 "$scratch/data-root" "$scratch/data-user"
mount --bind "$scratch/data-root" /var/lib/casemate
for program in "$(dirname "$CASEMATE")"/casemate*; do
    [[ $program == *.debug ]] || [ ! -f "$program" ] || cp "$program" "$scratch/bin/"
done
chmod 755 "$scratch"/bin/*
test_user=casemate-test
who=root # whom `run` runs as: root or user

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
say() { printf -- '-- %s\n' "$*"; }
assert_eq() { # WHAT SEEN WANTED
    [ "$2" = "$3" ] || fail "$1: '$2', expected '$3'"
}
assert_match() { # WHAT SEEN REGEX
    [[ $2 =~ $3 ]] || fail "$1: '$2' does not match '$3'"
}

# Mount points below the scratch directory.
mounts() { awk -v under="$scratch/" 'index($5, under) == 1 { print $5 }' /proc/self/mountinfo; }

# Processes of this test: "pid exe" lines.
processes() {
    local pid exe own
    own=$(readlink /proc/self/ns/mnt)
    for pid in /proc/[0-9]*; do
        exe=$(readlink "$pid/exe" 2>/dev/null) || continue
        case $exe in
        "$scratch"/*) echo "${pid#/proc/} $exe" ;;
        *) if [ "$(readlink "$pid/ns/mnt" 2>/dev/null)" != "$own" ] && grep -qs "$scratch" "$pid/mountinfo"; then
            echo "${pid#/proc/} $exe"
        fi ;;
        esac
    done
}

cleanup() {
    local status=$? pid
    trap - EXIT
    set +e
    processes | while read -r pid _; do kill -KILL "$pid" 2>/dev/null || :; done
    if [ $status -ne 0 ] && [ $status -ne 77 ]; then
        for log in "$scratch"/*.log; do [ ! -s "$log" ] || { echo "== $log"; tail -n 40 "$log"; } >&2; done
    fi
    sleep 0.1
    mounts | sort -r | while read -r mount; do umount -l "$mount"; done
    umount -l /var/lib/casemate
    rm -rf --one-file-system "$scratch"
    exit $status
}
trap cleanup EXIT

# The user of the unprivileged tests, with a range of subordinate ids as useradd gives one on Debian.
add_test_user() {
    (
        flock 9
        id "$test_user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$test_user"
        for file in /etc/subuid /etc/subgid; do
            grep -q "^$test_user:" $file || echo "$test_user:$((100000 + ($(id -u "$test_user") - 1000) * 65536)):65536" >>$file
        done
    ) 9>/run/lock/casemate-test-user
    [ -d "$scratch/runtime" ] || mkdir -m 700 "$scratch/runtime"
    chown "$test_user:" "$scratch/runtime" "$scratch/data-user"
}
as_user() {
    setpriv --reuid "$test_user" --regid "$test_user" --clear-groups \
        env -i HOME="$(getent passwd "$test_user" | cut -d: -f6)" PATH=/usr/local/bin:/usr/bin:/bin \
        XDG_RUNTIME_DIR="$scratch/runtime" XDG_DATA_HOME="$scratch/data-user" USER="$test_user" "$@"
}
# become root|user: whom run, the state directory and $out (pid files, reports) belong to from now on.
become() {
    who=$1
    state=$scratch/state-$who
    out=$scratch/out-$who
    mkdir -p "$state" "$out"
    if [ "$who" = user ]; then
        add_test_user
        chown "$test_user:" "$state" "$out"
    fi
}
become root
# run ARG...: casemate with a state directory of the test's own, as whom `become` says.
run() {
    if [ "$who" = user ]; then as_user "$scratch/bin/casemate" --root "$state" "$@"; else "$scratch/bin/casemate" --root "$state" "$@"; fi
}

# image NAME: an image of the build in a place that every user can read.
image() {
    local from=$CASEMATE_BUILD/examples/$1
    [ -d "$from" ] || from=${CASEMATE_IMAGE_CACHE:?}/$1
    [ -d "$scratch/images/$1" ] || cp -r "$from" "$scratch/images/$1"
    chmod -R go+rX "$scratch/images/$1"
    echo "$scratch/images/$1"
}
pack() { "$CASEMATE_SOURCE/scripts/pack-image" "$@"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# wait_http URL PID [SECONDS]: the body of the first 200, unless PID ends before.
wait_http() {
    local deadline=$((SECONDS + ${3:-20})) body
    while [ $SECONDS -lt $deadline ]; do
        if body=$(curl -sf --max-time 2 "$1"); then
            echo "$body"
            return 0
        fi
        kill -0 "$2" 2>/dev/null || fail "the launcher ended before $1 answered"
        sleep 0.05
    done
    fail "$1 did not answer in time"
}
wait_for() { # WHAT SECONDS COMMAND...
    local what=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "$what: not within the time"
        sleep 0.05
    done
}

# nothing_left: no process, mount, state or half-unpacked file of this test remains.
no_process() { [ -z "$(processes)" ]; }
nothing_left() {
    local deadline=$((SECONDS + 5)) left
    until no_process; do
        [ $SECONDS -lt $deadline ] || fail "processes are left: $(processes)"
        sleep 0.05
    done
    assert_eq "mounts left" "$(mounts | wc -l)" "${1:-0}"
    # The roots and their locks may stay, and whole images in the store; a container's directory, or a file, is a leftover.
    left=$(find "$state" "$scratch/data-root" "$scratch/data-user" -mindepth 1 2>/dev/null | grep -vE '/(casemate|\.ids|\.ids/[0-9]+|lock|[^/]*\.lock)$' |
        grep -vE '/\.store(/(strip|keep|ignore)(/(layers|images|references))?)?$|/\.store/[a-z]+/(layers|images)/[0-9a-f]{64}(/|$)|/references/[0-9a-f]+\.json$' |
        head -n 5 || :)
    assert_eq "left" "$left" ""
}

# Facts about the app, from outside. PID: what --pid-file says: PID 1 of the container, whose child is the app when
# casemate's init is there.
app_pid() {
    local child
    child=$(cat "/proc/$1/task/$1/children" 2>/dev/null)
    echo "${child%% *}" | grep . || echo "$1"
}
status_of() { awk -v key="$2:" '$1 == key { print $2; exit }' "/proc/$1/status"; }
# The uid of PID in its own user namespace.
inside_uid() {
    local host
    host=$(status_of "$1" Uid)
    awk -v id="$host" 'id >= $2 && id < $2 + $3 { print $1 + id - $2 }' "/proc/$1/uid_map"
}
assert_sandboxed() { # PID
    assert_eq "uid inside" "$(inside_uid "$1")" 1001
    assert_eq "CapEff" "$(status_of "$1" CapEff)" 0000000000000000
    assert_eq "CapBnd" "$(status_of "$1" CapBnd)" 0000000000000000
    assert_eq "NoNewPrivs" "$(status_of "$1" NoNewPrivs)" 1
    assert_eq "Seccomp" "$(status_of "$1" Seccomp)" 2
    assert_match "root mount" ",$(awk '$5 == "/" { print $6 }' "/proc/$1/mountinfo" | tail -n 1)," ',ro,'
    for kind in mnt pid net ipc uts user; do
        [ "$(readlink "/proc/$1/ns/$kind")" != "$(readlink /proc/self/ns/$kind)" ] || fail "the app shares our $kind namespace"
    done
}
