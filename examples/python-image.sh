# shellcheck shell=bash
# Sourced by examples/*/build-image: makes a Python app's OCI image from Debian's packages, without any daemon.
#
# Three layers, as an image in the wild has them: the interpreter (shared by all examples), the app's dependencies, the
# app. mmdebstrap only extracts packages (nothing is configured, so no maintainer script runs); what an app does not
# need (shell, package manager, documentation, tests) is left out; umoci writes the layout.
#
# The sourcing script sets: name, packages, entrypoint, command (arrays but for name), port. Arguments: [LAYOUT]
# (default: CACHE/NAME). CACHE: $CASEMATE_IMAGE_CACHE or build/images; what is there is used again. Needs root.
set -euo pipefail
export SOURCE_DATE_EPOCH=1700000000 PYTHONHASHSEED=0 LC_ALL=C.UTF-8 TMPDIR=${TMPDIR:-/tmp}
created=2023-11-14T22:13:20Z
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(realpath -m "${CASEMATE_IMAGE_CACHE:-$here/../build/images}")
layout=$(realpath -m "${1:-$cache/$name}")
[ "$(id -u)" -eq 0 ] || { echo "build-image: needs root (mmdebstrap keeps owners, python compiles in a chroot)" >&2; exit 1; }
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
scratch=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT

# key FILE-OR-WORD...: what a cached result depends on.
key() {
    for part in "$@"; do if [ -f "$part" ]; then cat "$part"; else echo "$part"; fi; done | sha256sum | cut -c1-16
}

# root DIR PACKAGE...: the packages' files, trimmed and compiled.
root() {
    local dir=$1 stdlib
    shift
    mmdebstrap --variant=extract --mode=root --format=directory --quiet --include="$(IFS=,; echo "$*")" bookworm "$dir"
    (
        cd "$dir"
        rm -rf --one-file-system dev run bin sbin usr/sbin var/lib/dpkg var/lib/apt var/cache var/log \
            etc/{apt,dpkg,cron.daily,logrotate.d,alternatives,hostname,resolv.conf,fstab} \
            usr/share/{man,locale,info,lintian,bug,doc,doc-base,pixmaps,applications,python3,readline,dpkg} \
            usr/lib/*-linux-gnu/gconv
        find usr/bin -mindepth 1 ! -name 'python3*' -delete
        # Nothing setuid, no file capabilities (extraction from .deb keeps none).
        find . -xdev -perm /6000 -type f -exec chmod ug-s {} +
        for stdlib in usr/lib/python3.*; do
            rm -rf "$stdlib"/{lib2to3,pydoc_data,ensurepip,idlelib,tkinter,test,turtledemo,turtle.py,config-*}
        done
        install -d etc proc sys dev run app
        install -d -m 1777 tmp
        printf 'root:x:0:0:root:/:/usr/sbin/nologin\napp:x:1001:1001:app:/app:/usr/sbin/nologin\n' >etc/passwd
        printf 'root:x:0:\napp:x:1001:\n' >etc/group
        printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
        # A read-only root cannot cache bytecode; files that cannot be compiled (other Python versions) stay sources.
        chroot . /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash usr/lib/python3.* usr/lib/python3 >/dev/null || :
    )
}

# pack TAR DIR [LIST]: DIR, or the paths of LIST in it, as a tar that is the same each time.
pack() {
    local list=(.)
    [ -z "${3:-}" ] || list=(--no-recursion --null -T "$3")
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=posix \
        --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -C "$2" -cf "$1" "${list[@]}"
}

paths() { (cd "$1" && find . -mindepth 1 -print0 | sort -z); }

base=$cache/base-$(key "$here/python-image.sh" python3)
deps=$cache/$name-deps-$(key "$here/python-image.sh" "${packages[@]}")
wanted=$(key "$here/python-image.sh" "$here/$name/build-image" "$here/$name/app.py")
[ "$(cat "$layout/.made-from" 2>/dev/null)" != "$wanted" ] || { echo "$layout"; exit 0; }

if [ ! -f "$base.tar" ]; then
    echo "build-image: interpreter" >&2
    root "$scratch/base" python3
    paths "$scratch/base" >"$base.paths"
    pack "$scratch/base.tar" "$scratch/base"
    mv "$scratch/base.tar" "$base.tar"
fi
if [ ! -f "$deps.tar" ]; then
    echo "build-image: $name: dependencies" >&2
    root "$scratch/deps" python3 "${packages[@]}"
    paths "$scratch/deps" | comm -z -13 "$base.paths" - >"$scratch/new"
    pack "$scratch/deps.tar" "$scratch/deps" "$scratch/new"
    mv "$scratch/deps.tar" "$deps.tar"
fi
echo "build-image: $name: image" >&2
install -d "$scratch/app/app"
install -m 0644 "$here/$name/app.py" "$scratch/app/app/app.py"
pack "$scratch/app.tar" "$scratch/app"

image=$scratch/layout:latest
umoci init --layout "$scratch/layout"
umoci new --image "$image"
layer() {
    umoci raw add-layer --image "$image" --history.created "$created" --history.created_by "$2" --history.author casemate \
        --history.comment - "$1"
}
layer "$base.tar" "mmdebstrap python3"
layer "$deps.tar" "mmdebstrap ${packages[*]}"
layer "$scratch/app.tar" "the app"
config=(--config.user 1001:1001 --config.workingdir /app --config.exposedports "$port/tcp" --created "$created"
    --config.env PATH=/usr/bin:/bin --config.env PYTHONDONTWRITEBYTECODE=1 --config.env PYTHONUNBUFFERED=1)
for word in "${entrypoint[@]}"; do config+=("--config.entrypoint=$word"); done
for word in "${command[@]}"; do config+=("--config.cmd=$word"); done
umoci config --image "$image" --no-history "${config[@]}"
umoci gc --layout "$scratch/layout" >/dev/null
echo "$wanted" >"$scratch/layout/.made-from"
chmod -R go+rX "$scratch/layout"
rm -rf "$layout"
mkdir -p "$(dirname "$layout")"
mv "$scratch/layout" "$layout"
echo "$layout"
