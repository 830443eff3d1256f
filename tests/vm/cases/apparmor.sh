#!/bin/bash
# process.apparmorProfile: the app runs under the profile, which denies what nothing else does; a profile that is not
# loaded ends the launch; under `launch` and the OCI verbs alike. Control: without it the same act succeeds, unconfined.
. "$(dirname "$0")/../../e2e/lib.sh"
[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || { echo "SKIP: needs AppArmor"; exit 77; }

cat >"$scratch/profile" <<'PROFILE'
abi <abi/3.0>,
profile casemate-vm-test flags=(attach_disconnected,mediate_deleted) {
  file,
  signal,
  unix,
  ptrace,
  capability,
  deny /secret r,
}
PROFILE
apparmor_parser --replace "$scratch/profile"
mkdir -p "$scratch/root/bin" "$scratch/root/proc" "$scratch/bundle"
cp /bin/busybox "$scratch/root/bin/"
echo said >"$scratch/root/secret"

# try PROFILE: what the app says of itself, and of the file.
try() {
    jq -n --arg root "$scratch/root" --arg profile "$1" '{ociVersion: "1.2.0", root: {path: $root},
        process: ({user: {uid: 0, gid: 0}, cwd: "/", noNewPrivileges: true,
                   args: ["/bin/busybox", "sh", "-c", "busybox cat /proc/self/attr/current; busybox cat /secret || echo denied"],
                   env: ["PATH=/bin"]} + if $profile == "" then {} else {apparmorProfile: $profile} end),
        mounts: [{destination: "/proc", type: "proc", source: "proc"}],
        linux: {namespaces: [{type: "mount"}, {type: "pid"}]}}' >"$scratch/bundle/config.json"
    run run --bundle "$scratch/bundle" "label-$RANDOM" 2>"$scratch/said.log"
}
seen=$(try casemate-vm-test) || fail "run under a profile"
assert_eq "under the profile" "${seen//$'\n'/ }" "casemate-vm-test (enforce) denied"
seen=$(try "") || fail "run without"
assert_eq "control: without it" "${seen//$'\n'/ }" "unconfined said"
seen=$(try unconfined) || fail "run unconfined"
assert_eq "unconfined by name" "${seen//$'\n'/ }" "unconfined said"
try casemate-vm-none && fail "a profile that is not loaded"
grep -q casemate-vm-none "$scratch/said.log" || fail "the error does not name the profile: $(cat "$scratch/said.log")"
nothing_left
