#!/bin/bash
# The image store without root, for a user with a range of subordinate ids and for one who has a single id: layers as the
# app sees them; a second start unpacks nothing; images share layers; nothing is mounted on the host; what a container
# writes stays its own; verify, rm, gc; two launches at once, kill -9, a full disk.
. "$(dirname "$0")/lib_image_store.sh"
make() { # NAME KIND...
    python3 "$CASEMATE_SOURCE/tests/e2e/lib_store.py" "$scratch/images/$1" "${@:2}"
    chmod -R go+rX "$scratch/images/$1"
}
store=$scratch/data-user/casemate/.store/strip
images() { as_user "$scratch/bin/casemate" images "$@"; }
make two two
make one one
make three three
make big two --ballast

# become_single: a user whom no file gives any further id.
become_single() {
    who=user test_user=47113
    state=$scratch/state-single out=$scratch/out-single
    mkdir -p "$state" "$out"
    rm -rf "$scratch/data-user"
    mkdir -m 700 "$scratch/data-user"
    chown "$test_user:$test_user" "$state" "$out" "$scratch/data-user" "$scratch/runtime"
}

# check_store OWNER: who owns the image's files, as the app sees it.
check_store() {
    say "layers as the app sees them"
    assert_eq "removed file" "$(in_two 'ls /a')" keep
    assert_eq "opaque directory" "$(in_two 'ls /dir')" new
    assert_eq "opaque mark after what it must not hide" "$(in_two 'ls /late')" new
    assert_eq "file below a link" "$(in_two 'cat /usr/lib/through')" through
    assert_eq "hard link to a lower layer" "$(in_two 'cat /again')" linked
    assert_eq "its names" "$(in_two 'stat -c %h /again')" 2
    assert_eq "directory only below" "$(in_two 'stat -c %a:%u /a')" "775:$1"
    assert_eq "directory in both" "$(in_two 'stat -c %a:%u /owned')" "750:$1"
    assert_match "root" "$(in_two 'cat /proc/self/mountinfo')" ' / / ro,[^ ]* .*- overlay '
    fails 1 'Read-only' in_two 'touch /usr/x'
    nothing_left

    say "the second start unpacks nothing"
    mv "$scratch/bin/casemate-unpack" "$scratch/unpack-away"
    assert_eq "without casemate-unpack" "$(in_two 'cat /again')" linked
    fails 125 'casemate-unpack' launch three cat /name-three
    mv "$scratch/unpack-away" "$scratch/bin/casemate-unpack"

    say "images share layers"
    assert_eq "layers of 'two'" "$(layers)" 2
    launch one true
    assert_eq "layers with 'one', its base" "$(layers)" 2
    assert_eq "third" "$(launch three cat /name-three)" three
    assert_eq "layers with 'three'" "$(layers)" 3
    assert_eq "root's store" "$(find /var/lib/casemate -mindepth 1 | wc -l)" 0

    say "nothing is mounted on the host; an image in use stays"
    before=$(wc -l </proc/self/mountinfo)
    as_user "$scratch/bin/casemate" --root "$state" launch --pid-file "$out/pid" "$scratch/images/two" -- sleep 60 2>"$out/launch.log" &
    launcher=$!
    wait_for "the app" 20 test -s "$out/pid"
    assert_eq "mounts of the host" "$(wc -l </proc/self/mountinfo)" "$before"
    assert_eq "in use" "$(images list --format json | jq -r '[.[] | select(.inUse)] | length')" 1
    fails 2 'in use' images rm "$scratch/images/two"
    images gc
    processes | while read -r pid program; do [[ $program != */bin/casemate ]] || kill -TERM "$pid"; done
    wait $launcher || :
    rm "$out/pid"
    nothing_left

    say "what a container writes is its own"
    python3 - "$scratch/writable.json" <<'END'
import json, sys
waived = ["filesystem.readonlyRoot", "filesystem.denyWriteExecute", "landlock.derive"]
profile = {"schemaVersion": 1, "extends": "hardened", "waive": [{"what": what, "because": "to see what is written"} for what in waived]}
profile |= {"filesystem": {"readonlyRoot": False, "denyWriteExecute": False}, "landlock": {"derive": False}}
json.dump(profile, open(sys.argv[1], "w"))
END
    assert_eq "written" "$(run launch --profile "$scratch/writable.json" "$scratch/images/two" -- sh -c 'echo mine >/open/own; cat /open/own' 2>"$out/launch.log" || cat "$out/launch.log")" mine
    assert_eq "not in the next" "$(in_two 'ls /open')" ""
    nothing_left

    say "verify notices every kind of change"
    assert_match "clean" "$(images verify)" 'every file is as it was'
    base=$(images list --format json | jq -r '.[0].layers[0]')
    tamper 'origin.*sha256digest' "printf LINKED >origin; touch -d @1700000000 origin"
    tamper 'mode=0777' 'chmod 777 a'
    tamper 'is missing' 'rm etc/group'
    tamper 'was not there' 'touch etc/evil'
    tamper 'link=' 'ln -sfn elsewhere lib'
    assert_match "clean again" "$(images verify)" 'every file is as it was'

    say "rm and gc"
    images rm "$scratch/images/three" >"$out/rm.log"
    assert_eq "layers left" "$(layers)" 2
    fails 2 'no image' images rm "$scratch/images/three"
    for name in $(images list --format json | jq -r '.[].id'); do images rm "$name" >"$out/rm.log"; done
    assert_eq "layers at the end" "$(layers)" 0

    say "two launches at once unpack each layer once"
    launch big cat /again >"$out/first" &
    first=$!
    launch big cat /again >"$out/second" &
    second=$!
    wait $first
    wait $second
    assert_eq "both" "$(cat "$out/first" "$out/second")" linkedlinked
    assert_eq "layers" "$(layers)" 2
    nothing_left

    say "kill -9 in the middle, then again"
    for moment in 0.02 0.05 0.1 0.2; do
        images rm "$scratch/images/big" >/dev/null 2>&1 || :
        as_user "$scratch/bin/casemate" --root "$state" launch "$scratch/images/big" -- cat /again >"$out/killed.log" 2>&1 &
        launcher=$!
        sleep $moment
        processes | while read -r pid _; do kill -KILL "$pid" 2>/dev/null || :; done
        wait $launcher || :
        assert_eq "again, after $moment s" "$(launch big cat /again)" linked
        assert_match "verify" "$(images verify)" 'every file is as it was'
        run gc >/dev/null
        images gc >/dev/null
        nothing_left
    done

    say "a full disk"
    images rm "$scratch/images/big" >/dev/null
    mkdir -p "$scratch/small"
    mount -t tmpfs -o size=6m small "$scratch/small"
    chown "$test_user" "$scratch/small"
    chmod 700 "$scratch/small"
    mount --bind "$scratch/small" "$scratch/data-user"
    fails 125 'No space left' launch big cat /again
    assert_eq "layers on the full disk" "$(layers)" 0
    umount "$scratch/data-user" "$scratch/small"
    nothing_left
}

say "== a user with a range of ids"
become user
sleep 0.1 # a source this new is not remembered
check_store 0

say "== a user with one id"
become_single
check_store 1001
