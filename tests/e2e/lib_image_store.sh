# shellcheck shell=bash
# What the tests of the image store share. Theirs are `store`, `make`, `images` and, before `tamper`, `base`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
layers() { find "$store/layers" -mindepth 1 -maxdepth 1 -name '[0-9a-f]*' | wc -l; }
launch() { # IMAGE WORD...
    local image=$1
    shift
    run launch "$scratch/images/$image" -- "$@"
}
in_two() { launch two sh -c "$1"; }
fails() { # CODE REGEX COMMAND...
    local code=$1 regex=$2 status=0
    shift 2
    "$@" >"$scratch/fails.log" 2>&1 || status=$?
    assert_eq "exit code of $*" "$status" "$code"
    grep -qE "$regex" "$scratch/fails.log" || fail "$*: $(cat "$scratch/fails.log"), expected '$regex'"
}
tamper() { # WHAT COMMAND
    cp -a "$store/layers/$base" "$scratch/base"
    (cd "$store/layers/$base/fs" && sh -c "$2")
    fails 1 "$1" images verify
    rm -r "${store:?}/layers/$base"
    mv "$scratch/base" "$store/layers/$base"
}
