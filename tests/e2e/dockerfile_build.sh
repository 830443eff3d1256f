#!/bin/bash
# The examples' Dockerfiles, built without a daemon and without a network: `buildah build` on a base that mmdebstrap made,
# given as the build argument BASE. The base brings the dependencies, so nothing is fetched; the app in the result works.
. "$(dirname "$0")/lib.sh"
base=$CASEMATE_IMAGE_CACHE/dockerfile-base.tar
store() { buildah --storage-driver vfs --root "$scratch/store" --runroot "$scratch/run" "$@"; }
export BUILDAH_ISOLATION=chroot TMPDIR=$scratch

mkdir -p "$CASEMATE_IMAGE_CACHE"
if [ ! -f "$base" ]; then
    mmdebstrap --variant=extract --mode=root --format=directory --quiet bookworm "$scratch/root" \
        --include=dash,coreutils,python3,python3-fastapi,python3-uvicorn,python3-flask,python3-gunicorn,python3-setuptools
    rm -rf "$scratch"/root/usr/share/{doc,locale,man}
    tar -C "$scratch/root" --exclude=./dev -cf "$scratch/base.tar" .
    mv "$scratch/base.tar" "$base"
    rm -rf "$scratch/root"
fi
container=$(store from scratch)
store add -q "$container" "$base" /
store commit -q --rm "$container" localhost/base >/dev/null

for example in fastapi flask; do
    say "$example"
    unshare --net buildah --storage-driver vfs --root "$scratch/store" --runroot "$scratch/run" build --isolation chroot \
        --pull-never --build-arg BASE=localhost/base -t "$example" "$CASEMATE_SOURCE/examples/$example" >"$scratch/$example.log" 2>&1 ||
        fail "buildah build $example"
    store push -q "$example" "oci:$scratch/images/built-$example:latest"
    config=$(skopeo inspect --config "oci:$scratch/images/built-$example:latest" | jq -c '[.config.User, .config.WorkingDir, .config.Entrypoint[0]]')
    assert_eq "config" "$config" '["1001:1001","/app","python3"]'

    port=$(free_port)
    run launch --profile web --publish "$port:8000" --name "built-$example" "$scratch/images/built-$example" >"$scratch/$example.log" 2>&1 &
    launcher=$!
    assert_eq "/health" "$(wait_http "http://127.0.0.1:$port/health" $launcher | jq -c .)" '{"status":"ok"}'
    run kill "built-$example" TERM
    wait $launcher || [ $? -eq 143 ] || fail "the launcher ended with $?"
    run delete --force "built-$example"
done
nothing_left
