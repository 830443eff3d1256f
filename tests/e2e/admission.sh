#!/bin/bash
# Admission: what the profile asks of an image decides before anything of it runs. Each refusal is beside the launch that
# differs in one thing and is allowed; after each refusal nothing is left. The launcher believes one answer only.
. "$(dirname "$0")/lib.sh"

lib=$(dirname "$0")
mkdir -p "$scratch/busybox"/{proc,dev,sys,tmp} "$scratch/policy"
cp /bin/busybox "$scratch/busybox/"
profiles=$scratch/policy
chmod 755 "$profiles"

# fresh [PACK-OPTION...]: the image anew.
layout=$scratch/images/app
fresh() {
    rm -rf "$layout"
    SOURCE_DATE_EPOCH=1790000000 pack --output "$layout" --ref app --user 1001:1001 --entrypoint /busybox --cmd echo --cmd ran "$@" "$scratch/busybox"
    digest=$(python3 "$lib/lib_sign.py" "$layout" digest)
}
attach() { python3 "$lib/lib_sign.py" "$layout" "$@"; }
# asks JSON: the profile that asks this of an image.
asks() {
    printf '{"schemaVersion": 1, "extends": "hardened", "admission": %s}\n' "$1" >"$profiles/p.json"
    chmod 644 "$profiles"/*
}
source_of_launch=
launch() { run launch --profile "$profiles/p.json" "$@" "${source_of_launch:-$layout:app}"; }
allowed() { # WHAT
    local seen
    seen=$(launch --rm 2>"$scratch/launch.log") || fail "$1: refused: $(cat "$scratch/launch.log")"
    assert_eq "$1" "$seen" ran
    nothing_left
}
refused() { # WHAT REGEX
    local seen status=0
    seen=$(launch --rm 2>"$scratch/launch.log") || status=$?
    assert_eq "$1: exit code" $status 125
    assert_eq "$1: the app's output" "$seen" ""
    assert_match "$1" "$(cat "$scratch/launch.log")" "$2"
    nothing_left
}

say "the vulnerability gate"
fresh
asks '{"vulnerabilities": {"report": "scan.json", "failOn": "HIGH", "ignoreFile": "ignore"}}'
: >"$profiles/ignore"
refused "no report" "there is no scan report: '.*scan.json' is not there"
python3 "$lib/lib_sign.py" "$layout" report >"$profiles/scan.json"
refused "a finding" 'admission.vulnerabilities: 1 findings deny'
echo 'CVE-2024-0001 exp:2026-01-01' >"$profiles/ignore"
refused "an expired suppression" 'admission.vulnerabilities: 1 findings deny'
echo 'CVE-2024-0001 exp:2199-01-01' >"$profiles/ignore"
allowed "a suppression"
sed -i 's/"ImageID": "sha256:..../"ImageID": "sha256:0000/' "$profiles/scan.json"
refused "another image's report" 'about another image'
echo '{' >"$profiles/scan.json"
refused "an unreadable report" 'scan report'

say "verify shows the decision and what was suppressed; one that is gone is a difference"
python3 "$lib/lib_sign.py" "$layout" report >"$profiles/scan.json"
run launch --profile "$profiles/p.json" --detach --name admitted --pid-file "$out/pid" "$layout:app" -- /busybox sleep 60 2>"$scratch/launch.log"
run verify admitted >"$scratch/verify.log" || fail "verify: $(cat "$scratch/verify.log")"
grep -q "admission .*allowed: $digest" "$scratch/verify.log" || fail "verify shows no admission"
grep -q 'suppressed CVE-2024-0001 (HIGH) in busybox, by ignore file' "$scratch/verify.log" || fail "verify shows no suppression"
run verify --format json admitted | jq -e '.suppressed | length == 1' >/dev/null || fail "verify --format json"
record=$(find "$scratch/data-root" -name admission.json)
jq -e '.verdict == "allow" and .vulnerabilities[0].suppressed[0].id == "CVE-2024-0001"' "$record" >/dev/null || fail "the record"
cp "$record" "$scratch/record"
sed -i 's/"allow"/"deny"/' "$record"
run verify admitted >"$scratch/verify.log" && fail "verify is green over a denied admission"
rm "$record"
run verify admitted >"$scratch/verify.log" && fail "verify is green without the decision"
grep -q 'no decision' "$scratch/verify.log" || fail "verify does not say that the decision is gone"
cp "$scratch/record" "$record"
run verify admitted >"$scratch/verify.log" || fail "verify with the decision back"
run kill admitted KILL
run delete --force admitted
rm -f "$out/pid"
nothing_left

say "signatures"
openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/key" 2>/dev/null
openssl ec -in "$scratch/key" -pubout -out "$profiles/key.pub" 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/other-key" 2>/dev/null
openssl ecparam -name secp384r1 -genkey -noout -out "$scratch/p384" 2>/dev/null
openssl ec -in "$scratch/p384" -pubout -out "$profiles/p384.pub" 2>/dev/null
asks '{"signature": {"required": true, "publicKeys": ["key.pub"]}}'
fresh
refused "unsigned" 'admission.signature: the image is not signed'
attach signature "$scratch/other-key"
refused "another key" 'the signature does not hold'
attach signature "$scratch/key"
allowed "signed by one of two"
fresh
attach subject "$scratch/key"
allowed "bound by its subject"
fresh
attach other "$scratch/key"
refused "another image's signature" 'the signature is for sha256:0000'
fresh
attach tampered "$scratch/key"
refused "a changed payload" 'digest mismatch'
fresh
attach signature "$scratch/p384"
asks '{"signature": {"required": true, "publicKeys": ["p384.pub"]}}'
refused "a key of another curve" 'another kind than ECDSA P-256'
asks '{"signature": {"required": true}}'
refused "no key" 'no public key to check with'
asks '{"signature": {"required": true, "publicKeys": ["key.pub"]}}'
fresh
attach signature "$scratch/key"
chmod 666 "$profiles/key.pub"
refused "a key file that others may write" 'others may write it'
chmod 644 "$profiles/key.pub"
allowed "the key file in order"

say "the image's own words"
fresh --label org.opencontainers.image.source=here --label org.opencontainers.image.base.name=debian:bookworm
asks '{"requireDigest": true}'
refused "by a tag" 'names no digest'
source_of_launch=$layout:$digest
allowed "by its digest"
source_of_launch=$layout:sha256:$(printf '0%.0s' {1..64})
refused "by a digest that is not there" 'no image'
source_of_launch=
asks '{"requiredLabels": ["org.opencontainers.image.source"], "allowedBases": ["debian*"], "maxSize": "5MiB", "denyFiles": ["*.pem"]}'
allowed "labels, base, size, files"
asks '{"requiredLabels": ["org.opencontainers.image.revision"]}'
refused "a label" "'org.opencontainers.image.revision' is not there"
asks '{"allowedBases": ["alpine*"]}'
refused "a base" "based on 'debian:bookworm'"
asks '{"maxSize": "1KiB"}'
refused "size" 'admission.maxSize'
asks '{"maxImageAge": "1h"}'
refused "age" 'admission.maxImageAge: made 2026'
asks '{"maxImageAge": "3650d"}'
allowed "age within"
asks '{"denyFiles": ["busybox"]}'
refused "a file" "'/busybox' is there"
asks '{"minimal": true}'
allowed "minimal: /busybox is on nobody's path"

say "the rules"
asks '{"audit": {"failOn": "fatal"}}'
allowed "no fatal finding"
fresh --env MIRROR=https://me:hunter2@example.org/
refused "a secret in ENV" 'admission.audit: 1 fatal'
asks '{"audit": {"failOn": "fatal", "suppress": [{"id": "IMG-04", "because": "a test value", "until": "2199-01-01"}]}}'
allowed "suppressed with a reason"
asks '{"audit": {"failOn": "fatal", "suppress": [{"id": "IMG-04", "because": "a test value", "until": "2026-01-01"}]}}'
refused "a suppression that has expired" 'admission.audit: 1 fatal'
asks '{"audit": [{"failOn": "fatal", "suppress": [{"id": "IMG-04", "because": "one layer"}]}, {"failOn": "fatal"}]}'
refused "two gates: a suppression is for its own" 'admission.audit: 1 fatal'

say "a scanner is called as nobody, without network and environment, and is judged, not believed"
fresh
cat >"$scratch/bin/trivy" <<'SCANNER'
#!/bin/sh
{ id -u; id -G; echo "$*"; env | sort; awk 'NR > 2 { print $1 }' /proc/net/dev; pwd; grep -E 'NoNewPrivs|CapEff' /proc/self/status; } >$TMPDIR/facts
[ ! -e $TMPDIR/../facts ] || cat $TMPDIR/facts >$TMPDIR/../facts
cat REPORT
exit 3
SCANNER
sed -i "s|REPORT|$profiles/scan.json|" "$scratch/bin/trivy"
chmod 755 "$scratch/bin/trivy"
python3 "$lib/lib_sign.py" "$layout" report >"$profiles/scan.json"
asks '{"vulnerabilities": {"scanner": "trivy", "failOn": "CRITICAL", "scannerTimeout": "2s"}}'
mkdir -m 755 "$scratch/temporary"
: >"$scratch/temporary/facts"
chmod 666 "$scratch/temporary/facts"
export PATH=$scratch/bin:$PATH TMPDIR=$scratch/temporary SECRET_OF_THE_CALLER=1
allowed "a report of the scanner"
facts=$(cat "$scratch/temporary/facts")
assert_match "uid" "$facts" $'^65534\n65534\n'
assert_match "argv" "$facts" "image --input $layout@$digest --format json"
assert_match "network" "$facts" $'\n *lo:\n'
assert_match "capabilities" "$facts" $'CapEff:\t0000000000000000'
assert_match "no_new_privs" "$facts" $'NoNewPrivs:\t1'
case $facts in *SECRET_OF_THE_CALLER*) fail "the scanner got our environment" ;; esac
asks '{"vulnerabilities": {"scanner": "trivy", "failOn": "HIGH", "scannerTimeout": "2s"}}'
refused "what the scanner found" '1 findings deny'
echo '{}' >"$profiles/scan.json"
refused "a scanner that says nonsense" 'scan report'
printf '#!/bin/sh\nsleep 100 & sleep 100\n' >"$scratch/bin/trivy"
refused "a scanner that hangs" 'trivy: it took too long'
printf '#!/bin/sh\necho no database >&2; exit 1\n' >"$scratch/bin/trivy"
refused "a scanner that fails" 'wrote no report: no database'
rm "$scratch/bin/trivy"
refused "no scanner" "'trivy' is not installed"
assert_eq "left in TMPDIR" "$(ls "$scratch/temporary")" facts

say "without root"
become user
chown "$test_user:" "$scratch/temporary"
asks '{"audit": {"failOn": "fatal"}, "requiredLabels": []}'
allowed "the rules, as a user"
asks '{"requireDigest": true}'
refused "by a tag, as a user" 'names no digest'
become root

say "what is no image cannot be admitted"
asks '{"audit": {"failOn": "fatal"}}'
source_of_launch=rootfs:$scratch/busybox
refused "a root directory" 'is no image'
source_of_launch=

say "the launcher believes one answer only"
asks '{"requireDigest": true}'
source_of_launch=$layout:$digest
real=$scratch/bin/casemate-audit
mv "$real" "$scratch/real-audit"
refused "no casemate-audit" 'casemate-audit'
answer() { printf '#!/bin/sh\n%s\n' "$1" >"$real" && chmod 755 "$real"; }
answer 'exit 0'
refused "no answer" 'admission'
answer 'echo "{}"'
refused "no record" 'no record of version 1'
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\"}'"
refused "no digest" 'names no digest'
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\", \"manifestDigest\": \"sha256:0000\"}'"
refused "another image's admission" "'sha256:0000' was admitted"
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\", \"manifestDigest\": \"$digest\"}'; exit 1"
refused "an exit code that denies" 'admission'
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\", \"manifestDigest\": \"$digest\"}'; exit 2"
refused "an exit code that could not judge" 'admission'
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\", \"manifestDigest\": \"$digest\"}'; kill -9 \$\$"
refused "killed after its answer" 'admission'
answer "echo '{\"schemaVersion\": 1, \"verdict\": \"allow\", \"manifestDigest\": \"$digest\"'"
refused "half an answer" 'admission'
mv "$scratch/real-audit" "$real"
allowed "the real one"

say "unpack asks too"
run unpack --profile "$profiles/p.json" "$layout:app" "$scratch/bundle" 2>"$scratch/unpack.log" && fail "unpack did not ask"
[ ! -e "$scratch/bundle" ] || fail "a refused unpack left its bundle"
run unpack --profile "$profiles/p.json" "$layout:$digest" "$scratch/bundle" 2>"$scratch/unpack.log" || fail "unpack: $(cat "$scratch/unpack.log")"
rm -rf "$scratch/bundle"
