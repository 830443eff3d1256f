#!/bin/bash
# The command line of the real binary, without a container: help, version, exit codes, the log line of engines, programs of
# their own, and what must not be linked.
. "$(dirname "$0")/lib.sh"
casemate=$scratch/bin/casemate

# expect CODE ARG...: runs casemate; its output is in $out and $err.
expect() {
    local code=$1 status=0
    shift
    out=$("$casemate" --root "$state" "$@" 2>"$scratch/err") || status=$?
    err=$(cat "$scratch/err")
    assert_eq "exit code of 'casemate $*' ($err)" "$status" "$code"
}

say "help and version"
expect 0 --version
assert_match "first line of --version" "$out" $'^casemate version [0-9.]+\ncommit: [^\n]+\nspec: 1\.3\.0'
expect 0 --help
assert_match "help" "$out" 'launch +check, unpack'
[[ $out != *$'\e['* ]] || fail "colour in a pipe"
verbs=$(sed -n 's/^  \([a-z]\+\)  .*/\1/p' <<<"$out")
[ "$(wc -w <<<"$verbs")" -ge 15 ] || fail "verbs of --help: $verbs"
for verb in $verbs; do
    expect 0 "$verb" --help
    assert_match "help of $verb" "$out" "casemate $verb"
    expect 0 help --man "$verb"
    assert_match "man page of $verb" "$out" "^\.TH casemate-$verb 1"
done
expect 0 --color always --help
[[ $out == *$'\e['* ]] || fail "no colour with --color always"
for shell in bash zsh fish; do expect 0 completion $shell; done
expect 0 completion bash
bash -n <<<"$out" || fail "the bash completion is no bash"
env -i XDG_RUNTIME_DIR= "$casemate" --version >/dev/null || fail "--version needs an environment"

say "mistakes"
expect 125
assert_match "no verb" "$err" "^casemate: a verb is missing"
expect 125 lanch
assert_match "unknown verb" "$err" "did you mean 'launch'"
expect 125 launch --pubish 1:1 x
assert_match "unknown option" "$err" "did you mean '--publish'"
expect 1 state
expect 2 verify
expect 2 probe --format xml
expect 1 checkpoint --help
assert_eq "lines on standard error" "$(wc -l <<<"$err")" 1
expect 1 kill nothing NOSIGNAL
assert_match "signal" "$err" "unknown signal 'NOSIGNAL'"
if "$casemate" --help >/dev/full 2>"$scratch/err"; then fail "a full disk went unnoticed"; fi
assert_match "full disk" "$(cat "$scratch/err")" ENOSPC

say "what engines read"
expect 1 --log "$scratch/log.json" --log-format json state nothing
assert_eq "log lines" "$(wc -l <"$scratch/log.json")" 1
jq -e 'keys == ["level", "msg", "time"] and .level == "error" and (.msg | test("does not exist"))
       and (.time | fromdateiso8601 > 0)' "$scratch/log.json" >/dev/null || fail "log: $(cat "$scratch/log.json")"
expect 1 --log="$scratch/log.text" kill nothing 15
assert_match "text log" "$(cat "$scratch/log.text")" '^time="[^"]+" level=error msg=".*does not exist'
expect 1 delete nothing
assert_match "delete" "$err" "does not exist"
expect 0 delete --force nothing
expect 0 list -f json
assert_eq "empty list" "$out" "[]"
expect 0 list --quiet
assert_eq "no ids" "$out" ""

say "programs of their own"
rm -f "$scratch/bin/casemate-audit"
expect 2 audit image
assert_match "missing program" "$err" "casemate-audit"
printf '#!/bin/sh\nprintf "%%s," "$@"\nexit 7\n' >"$scratch/bin/casemate-audit"
chmod 755 "$scratch/bin/casemate-audit"
expect 7 audit --fail-on warn 'a b' --help
assert_eq "arguments handed on" "$out" "--fail-on,warn,a b,--help,"
mkdir -p "$scratch/prefix/bin" "$scratch/prefix/libexec/casemate"
cp "$casemate" "$scratch/prefix/bin/"
mv "$scratch/bin/casemate-audit" "$scratch/prefix/libexec/casemate/"
assert_eq "installed program" "$("$scratch/prefix/bin/casemate" audit x || :)" "x,"

say "what is linked"
if [ -e "$CASEMATE.debug" ]; then
    nm "$CASEMATE.debug" >"$scratch/symbols"
    grep -q ' T main$' "$scratch/symbols" || fail "casemate.debug has no symbol table"
    ! grep -E 'ios_base4Init|basic_regex|std10filesystem' "$scratch/symbols" || fail "iostream, regex or filesystem is linked"
    [ "$(readelf -l "$CASEMATE" | grep -c INTERP)" -eq 0 ] || fail "the launcher needs a dynamic linker"
fi
nothing_left
