#!/bin/bash
# The image store: what layers do to one another is what the app sees; a second start unpacks nothing; images share
# layers; the host's mount table does not grow; two launches at once, kill -9, a full and a read-only disk; list, rm, gc,
# verify.
. "$(dirname "$0")/lib_image_store.sh"
make() { python3 "$CASEMATE_SOURCE/tests/e2e/lib_store.py" "$scratch/images/$1" "$@"; }
store=/var/lib/casemate/.store/strip
images() { "$scratch/bin/casemate" images "$@"; }
sleep 0.1 # a source this new is not remembered
make two
make one
make three
sleep 0.1

say "layers as the app sees them"
assert_eq "removed file" "$(in_two 'ls /a')" keep
assert_eq "opaque directory" "$(in_two 'ls /dir')" new
assert_eq "opaque mark after what it must not hide" "$(in_two 'ls /late')" new
assert_eq "file below a link" "$(in_two 'cat /usr/lib/through')" through
assert_eq "hard link to a lower layer" "$(in_two 'cat /again')" linked
assert_eq "mode of a directory only below" "$(in_two 'stat -c %a:%u /a')" 775:0
assert_eq "mode of a directory in both" "$(in_two 'stat -c %a:%u /owned')" 750:1001
assert_eq "own file" "$(in_two 'cat /owned/file /owned/second')" minesecond
assert_eq "link stays" "$(in_two 'test -h /lib && echo link')" link
assert_match "root" "$(in_two 'cat /proc/self/mountinfo')" ' / / ro,[^ ]* .*- overlay '
fails 1 'Read-only' in_two 'touch /usr/x'
assert_eq "--user by name" "$(run launch --user app "$scratch/images/two" -- id -u)" 1001
nothing_left

say "the second start unpacks nothing"
mv "$scratch/bin/casemate-unpack" "$scratch/unpack-away"
assert_eq "without casemate-unpack" "$(in_two 'cat /again')" linked
fails 125 'casemate-unpack' launch three cat /name-three
mv "$scratch/unpack-away" "$scratch/bin/casemate-unpack"

say "images share layers"
before=$(layers)
assert_eq "layers of 'two'" "$before" 2
launch one true
assert_eq "layers with 'one', its base" "$(layers)" "$before"
assert_eq "third" "$(launch three cat /name-three)" three
assert_eq "layers with 'three'" "$(layers)" $((before + 1))

say "a changed source is another image"
cp -r "$scratch/images/two" "$scratch/images/changing"
sleep 0.1
assert_eq "before" "$(launch changing ls /dir)" new
rm -r "$scratch/images/changing" && cp -r "$scratch/images/three" "$scratch/images/changing"
sleep 0.1
assert_eq "after" "$(launch changing ls /dir)" old

say "the host's mount table does not grow; an image in use stays"
before=$(wc -l </proc/self/mountinfo)
"$scratch/bin/casemate" --root "$state" launch --pid-file "$out/pid" "$scratch/images/two" -- sleep 60 &
launcher=$!
wait_for "the app" 20 test -s "$out/pid"
assert_eq "mounts of the host" "$(wc -l </proc/self/mountinfo)" "$before"
assert_eq "in use" "$(images list --format json | jq -r '[.[] | select(.inUse)] | length')" 1
fails 2 'in use' images rm "$scratch/images/two"
images gc
kill -TERM $launcher
wait $launcher || :
rm "$out/pid"
nothing_left

say "verify notices every kind of change"
assert_match "clean" "$(images verify)" 'every file is as it was'
base=$(images list --format json | jq -r '.[0].layers[0]')
tamper 'origin.*sha256digest' "printf LINKED >origin; touch -d @1700000000 origin"
tamper 'mode=0777' 'chmod 777 a'
tamper 'is missing' 'rm etc/group'
tamper 'was not there' 'touch etc/evil'
tamper 'uid=5' 'chown 5 origin'
tamper 'link=' 'ln -sfn elsewhere lib'
assert_match "clean again" "$(images verify)" 'every file is as it was'

say "rm and gc"
images rm "$scratch/images/three" >"$scratch/rm.log"
images rm "$scratch/images/changing" >"$scratch/rm.log" 2>&1 || :
assert_eq "layers left" "$(layers)" 2
fails 2 'no image' images rm "$scratch/images/three"
images list >"$scratch/list.log"
for name in $(images list --format json | jq -r '.[].id'); do images rm "$name" >"$scratch/rm.log"; done
assert_eq "layers at the end" "$(layers)" 0
assert_eq "references at the end" "$(find "$store/references" -type f | wc -l)" 0

say "two launches at once unpack each layer once"
python3 "$CASEMATE_SOURCE/tests/e2e/lib_store.py" "$scratch/images/big" two --ballast
sleep 0.1
launch big cat /again >"$scratch/first" &
first=$!
launch big cat /again >"$scratch/second" &
second=$!
wait $first
wait $second
assert_eq "both" "$(cat "$scratch/first" "$scratch/second")" linkedlinked
assert_eq "layers" "$(layers)" 2
nothing_left

say "kill -9 in the middle, then again"
for moment in 0.01 0.03 0.06 0.1 0.2; do
    images rm "$scratch/images/big" >/dev/null 2>&1 || :
    "$scratch/bin/casemate" --root "$state" launch "$scratch/images/big" -- cat /again >"$scratch/killed.log" 2>&1 &
    launcher=$!
    sleep $moment
    kill -KILL $launcher 2>/dev/null || :
    processes | while read -r pid _; do kill -KILL "$pid" 2>/dev/null || :; done
    wait $launcher || :
    assert_eq "again, after $moment s" "$(launch big cat /again)" linked
    assert_match "verify" "$(images verify)" 'every file is as it was'
    run gc >/dev/null
    images gc >/dev/null
    nothing_left
done

say "a full disk, a read-only store"
images rm "$scratch/images/big" >/dev/null
mkdir "$scratch/small"
mount -t tmpfs -o size=6m small "$scratch/small"
mount --bind "$scratch/small" /var/lib/casemate
chmod 700 /var/lib/casemate
fails 125 'No space left' launch big cat /again
assert_eq "layers on the full disk" "$(layers)" 0
left=$(find "$store" -name '.*' ! -path "$store" | wc -l)
assert_eq "left on the full disk" "$left" 0
mount -o remount,ro "$scratch/small" 2>/dev/null || mount -o remount,bind,ro /var/lib/casemate
fails 125 'Read-only|EROFS' launch big cat /again
umount /var/lib/casemate "$scratch/small"
nothing_left
