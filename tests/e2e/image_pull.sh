#!/bin/bash
# SOURCE docker://REF: what skopeo is asked, with which environment; once; its failure and its absence are clear errors.
# Then the real skopeo from a registry on the loopback interface.
. "$(dirname "$0")/lib.sh"
python3 "$CASEMATE_SOURCE/tests/e2e/lib_store.py" "$scratch/images/two" two
fake=$scratch/fake
mkdir "$fake"
cat >"$fake/skopeo" <<'FAKE'
#!/bin/bash
here=$(dirname "$0")
printf '%s\n' "$@" >"$here/arguments"
env | sort >"$here/environment"
[ ! -e "$here/fails" ] || { echo 'time="x" level=fatal msg="pinging container registry: dial tcp: connection refused"' >&2; exit 1; }
target=${!#}
target=${target#oci:}
cp -r "$here/../images/two" "${target%:*}"
sed -i 's/"test"/"image"/' "${target%:*}/index.json" # as skopeo names what it copies
FAKE
chmod +x "$fake/skopeo"
pulled() { PATH=$fake:$PATH SECRET=do-not-pass HTTPS_PROXY=http://proxy run launch "$@"; }

say "what skopeo is asked"
assert_eq "the app" "$(pulled docker://registry.example/app:1 -- cat /again)" linked
assert_match "arguments" "$(tr '\n' ' ' <"$fake/arguments")" '^copy --quiet docker://registry.example/app:1 oci:/[^ ]*:image $'
grep -q SECRET "$fake/environment" && fail "the environment is not clean: $(cat "$fake/environment")"
grep -q HTTPS_PROXY=http://proxy "$fake/environment" || fail "no way through the proxy"
nothing_left

say "once"
rm "$fake/arguments"
assert_eq "again" "$(pulled docker://registry.example/app:1 -- cat /again)" linked
[ ! -e "$fake/arguments" ] || fail "fetched twice"
"$scratch/bin/casemate" images list >"$scratch/list.log"
grep -q 'docker://registry.example/app:1' "$scratch/list.log" || fail "$(cat "$scratch/list.log")"
"$scratch/bin/casemate" images rm docker://registry.example/app:1 >/dev/null
assert_eq "after rm" "$(pulled docker://registry.example/app:1 -- cat /again)" linked
[ -e "$fake/arguments" ] || fail "not fetched again"
nothing_left

say "unpacked, nothing but the bundle is left"
mkdir "$scratch/unpacked"
PATH=$fake:$PATH run unpack docker://registry.example/app:1 "$scratch/unpacked/bundle"
assert_eq "beside the bundle" "$(ls -A "$scratch/unpacked")" bundle

refused() { # REGEX COMMAND...
    local regex=$1 status=0
    shift
    "$@" >"$scratch/refused.log" 2>&1 || status=$?
    assert_eq "exit code" "$status" 125
    grep -qE "$regex" "$scratch/refused.log" || fail "'$regex' is not in: $(cat "$scratch/refused.log")"
    grep -q '^hint: ' "$scratch/refused.log" || fail "no hint: $(cat "$scratch/refused.log")"
    nothing_left
}
say "it fails, or is not there"
touch "$fake/fails"
refused 'docker://registry.example/other: skopeo: pinging container registry: .*connection refused' pulled docker://registry.example/other -- true
without() { PATH=$scratch/bin "$scratch/bin/casemate" --root "$state" launch docker://registry.example/other -- true; }
refused 'skopeo.* is not installed' without

say "the real one"
skopeo=$(command -v skopeo) || exit 0
"$skopeo" --version >/dev/null
port=$(free_port)
python3 "$CASEMATE_SOURCE/tests/e2e/lib_registry.py" "$scratch/images/two" "$port" &
registry=$!
trap 'kill $registry 2>/dev/null || :; cleanup' EXIT
mkdir -p /etc/containers/registries.conf.d "$scratch/registries"
printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" >"$scratch/registries/test.conf"
mount --bind "$scratch/registries" /etc/containers/registries.conf.d
wait_http "http://127.0.0.1:$port/v2/" $registry >/dev/null
assert_eq "the app" "$(run launch "docker://127.0.0.1:$port/some/app:tag" -- cat /again)" linked
refused 'docker://127.0.0.1:.*skopeo: ' run launch docker://127.0.0.1:9/nobody/there:1 -- true
kill $registry
assert_eq "without the registry" "$(run launch "docker://127.0.0.1:$port/some/app:tag" -- cat /again)" linked
umount /etc/containers/registries.conf.d
nothing_left
