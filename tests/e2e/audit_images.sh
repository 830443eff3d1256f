#!/bin/bash
# `casemate audit` on real images: the FastAPI example passes; Debian's minbase as it comes, and the same with what write-ups
# warn of (root, a secret in ENV, ADD), fail with the right rules. Made by mmdebstrap, umoci and buildah.
. "$(dirname "$0")/lib.sh"

audit() { "$scratch/bin/casemate" audit "$@"; }
# ids IMAGE: the rules that found something, one a line.
ids() { audit --fail-on never --format json "$1" | jq -r '.findings[].id' | sort -u; }
expect_ids() { # WHAT SEEN ID...
    local what=$1 seen=$2 id
    shift 2
    for id in "$@"; do grep -qx "$id" <<<"$seen" || fail "$what: $id is not found; found: $(tr '\n' ' ' <<<"$seen")"; done
}
expect_no_ids() { # WHAT SEEN ID...
    local what=$1 seen=$2 id
    shift 2
    for id in "$@"; do ! grep -qx "$id" <<<"$seen" || fail "$what: $id is found"; done
}
fails() { # IMAGE
    local status=0
    audit --fail-on high "$1" >"$scratch/audit.log" || status=$?
    assert_eq "audit --fail-on high $1" $status 1
}

say "the FastAPI example"
[ -d "$CASEMATE_IMAGE_CACHE/fastapi" ] || "$CASEMATE_SOURCE/examples/fastapi/build-image" >"$scratch/build.log" 2>&1
fastapi=$(image fastapi)
audit --fail-on high "$fastapi" >"$scratch/audit.log" || fail "audit --fail-on high: $(tail -n 30 "$scratch/audit.log")"
expect_no_ids "fastapi" "$(ids "$fastapi")" IMG-01 IMG-02 IMG-03 IMG-04 IMG-11 FS-01 FS-02 FS-03 FS-04 FS-11 FS-12 FS-13 FS-14 FS-15 FS-16

say "Debian's minbase"
base=$CASEMATE_IMAGE_CACHE/minbase.tar
if [ ! -f "$base" ]; then
    mkdir -p "$CASEMATE_IMAGE_CACHE"
    mmdebstrap --variant=minbase --mode=root --quiet bookworm "$scratch/minbase.tar"
    mv "$scratch/minbase.tar" "$base"
fi
umoci init --layout "$scratch/images/minbase"
umoci new --image "$scratch/images/minbase:latest"
umoci raw add-layer --image "$scratch/images/minbase:latest" --history.created_by mmdebstrap "$base"
umoci config --image "$scratch/images/minbase:latest" --no-history --config.cmd bash --config.env PATH=/usr/bin:/bin
seen=$(ids "$scratch/images/minbase")
expect_ids "minbase" "$seen" IMG-01 FS-01 FS-11 FS-12 FS-15
expect_no_ids "minbase" "$seen" IMG-04 HIS-01 HIS-02 FS-05 FS-08
fails "$scratch/images/minbase"
grep -q '^fatal IMG-01 ' "$scratch/audit.log" || fail "IMG-01 is not fatal"

say "root, a secret in ENV, ADD"
store() { buildah --storage-driver vfs --root "$scratch/store" --runroot "$scratch/run" "$@"; }
export BUILDAH_ISOLATION=chroot TMPDIR=$scratch
container=$(store from scratch)
store add -q "$container" "$base" /
store config --cmd bash "$container"
store commit -q --rm "$container" localhost/minbase >/dev/null
mkdir "$scratch/context"
echo data >"$scratch/context/data"
cat >"$scratch/context/Dockerfile" <<'DOCKERFILE'
FROM localhost/minbase
USER 1001:1001
ENV API_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ456789
ADD data /app/data
USER root
ENTRYPOINT ["/bin/sh", "-c", "cat /app/data"]
DOCKERFILE
store build --layers --pull-never -t bad "$scratch/context" >"$scratch/bad.log" 2>&1 || fail "buildah build"
store push -q bad "oci:$scratch/images/bad:latest"
seen=$(ids "$scratch/images/bad")
expect_ids "the bad variant" "$seen" IMG-01 IMG-04 IMG-10 HIS-01 HIS-09 FS-01 FS-11
fails "$scratch/images/bad"
grep -q 'ghp_0123456789' "$scratch/audit.log" && fail "a finding tells the secret"
nothing_left
