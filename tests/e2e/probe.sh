#!/bin/bash
# `probe`: at least 60 acts under hardened and under strict, as root and as a user, none with a surprise; TAP, JSON and
# JUnit say the same. Control: a waived restriction shows as a surprise when the same probe runs against it.
. "$(dirname "$0")/lib.sh"

# strict requires its control group, which a user has by delegation only.
cat >"$scratch/user-strict.json" <<'JSON'
{"schemaVersion": 1, "extends": "strict", "limits": {"cgroup": "optional"}, "waive": [{"what": "limits.cgroup", "because": "nothing is delegated"}]}
JSON
chmod 644 "$scratch/user-strict.json"
for user in root user; do
    become $user
    strict=strict
    if [ $user = user ]; then
        assert_eq "strict without a control group" "$(run probe --profile strict >"$scratch/none.log" 2>&1; echo $?)" 2
        grep -q 'there is no cgroup to set them on' "$scratch/none.log" || fail "$(cat "$scratch/none.log")"
        strict=$scratch/user-strict.json
    fi
    for profile in hardened $strict; do
        say "$user, $profile"
        run probe --profile $profile --format tap >"$scratch/tap.log" 2>&1 || fail "probe --profile $profile: exit $?"
        ok=$(grep -c '^ok ' "$scratch/tap.log" || :)
        [ "$ok" -ge 60 ] || fail "only $ok checks"
        assert_eq "surprises" "$(grep -c '^not ok ' "$scratch/tap.log" || :)" 0
        assert_eq "TAP plan" "$(sed -n 's/^1\.\.//p' "$scratch/tap.log")" "$ok"
        run probe --profile $profile --format junit >"$scratch/junit.log" 2>/dev/null
        assert_eq "JUnit cases" "$(python3 -c 'import sys, xml.etree.ElementTree as x; print(len(x.parse(sys.argv[1]).findall(".//testcase")))' "$scratch/junit.log")" "$ok"
        run probe --profile $profile --format json >"$scratch/json.log" 2>/dev/null
        assert_eq "JSON cases" "$(jq '[.. | objects | select(has("expected"))] | length' "$scratch/json.log")" "$ok"
    done
    say "$user, an image"
    run probe --profile web --publish "$(free_port):8080" "$(image health)" >"$scratch/image.log" 2>&1 || fail "probe of an image: exit $?"
    nothing_left
done
