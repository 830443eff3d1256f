#!/bin/bash
# casemate-systemd-cgroup against the real systemd, the system's and a user's: the scope is where it should be, holds what it
# was told, lives as long as somebody is in it, and is gone after `stop`.
. "$(dirname "$0")/../../e2e/lib.sh"
[ -d /run/systemd/system ] || { echo "SKIP: needs systemd as PID 1"; exit 77; }
helper=$scratch/bin/casemate-systemd-cgroup

mkfifo "$scratch/hold"
exec 8<>"$scratch/hold" # nobody writes into it, and it does not end

# try WHO SLICE GROUP COMMAND...: COMMAND is the helper, and systemctl's, prefix.
try() {
    local who=$1 slice=$2 group=$3 unit=casemate-vm-$1.scope holder
    shift 3
    say "$who"
    "$@" "$helper" "$who" start "$unit" "$slice" "a test" TasksMax=t:12 MemoryMax=t:33554432 >"$scratch/group" 2>"$scratch/start.log" \
        <"$scratch/hold" &
    holder=$!
    wait_for "the group's name" 20 test -s "$scratch/group"
    assert_eq "group" "$(cat "$scratch/group")" "$group/$unit"
    assert_eq "pids.max" "$(cat "/sys/fs/cgroup$group/$unit/pids.max")" 12
    assert_eq "memory.max" "$(cat "/sys/fs/cgroup$group/$unit/memory.max")" 33554432
    "$@" "$helper" "$who" set "$unit" TasksMax=t:34 || fail "set"
    assert_eq "pids.max after set" "$(cat "/sys/fs/cgroup$group/$unit/pids.max")" 34
    # A second one of this name is refused while the first lives.
    "$@" "$helper" "$who" start "$unit" "$slice" "a test" </dev/null >"$scratch/second" 2>&1 && fail "two scopes of one name"
    grep -q 'StartTransientUnit: .*already' "$scratch/second" || fail "the second: $(cat "$scratch/second")"
    "$@" "$helper" "$who" stop "$unit" || fail "stop"
    wait $holder || :
    [ ! -e "/sys/fs/cgroup$group/$unit" ] || fail "the group stays"
    "$@" "$helper" "$who" stop "$unit" || fail "a second stop is no error"
    # Without a process left the scope goes by itself.
    "$@" "$helper" "$who" start "$unit" "$slice" "a test" </dev/null >"$scratch/group" || fail "start again"
    wait_for "the empty scope's end" 10 test ! -e "/sys/fs/cgroup$group/$unit"
    : >"$scratch/group"
}

try system system.slice /system.slice env
try system casemate-vm.slice /casemate.slice/casemate-vm.slice env

id=$(id -u "$test_user") # `run` has made the user, whose systemd runs
try user app.slice "/user.slice/user-$id.slice/user@$id.service/app.slice" \
    setpriv --reuid "$test_user" --regid "$test_user" --clear-groups env -i "XDG_RUNTIME_DIR=/run/user/$id" PATH=/usr/bin:/bin

say "no bus"
add_test_user
as_user "$helper" user stop x.scope 2>"$scratch/nobus" && fail "a user without a bus"
grep -q 'hint: .*enable-linger' "$scratch/nobus" || fail "no remedy: $(cat "$scratch/nobus")"
for words in "" "system" "system start x" "system stop" "system set x.scope" "root stop x.scope" "system set x.scope A=b:1"; do
    # shellcheck disable=SC2086  # words on purpose
    if "$helper" $words >/dev/null 2>&1; then fail "accepted: $words"; fi
done
