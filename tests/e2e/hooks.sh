#!/bin/bash
# Hooks of config.json: when they run, what they are given, and what becomes of the container when one fails, hangs or the
# launcher is killed meanwhile.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/bundle" "$scratch/root/proc" "$scratch/root/mnt"
cp /bin/busybox "$scratch/root/bin/"
bundle=$scratch/bundle
log=$scratch/root/hooks.txt  # in the container it is /hooks.txt
export SECRET=the-launcher\'s
# Writes a line for each hook: its name, the state it was given, and what surrounds it.
cat >"$scratch/hook" <<SH
#!/bin/bash
name=\$1
ls /proc/\$\$/fd >$log.fds
state=\$(cat)
field() { sed -n "s/.*\"\$1\": *\"\\?\\([^\",}]*\\)\"\\?.*/\\1/p" <<<"\$state" | head -n 1; }
root=\$(readlink -f "$scratch/root")
{
  printf '%s status=%s pid=%s bundle=%s note=%s ' "\$name" "\$(field status)" "\$(field pid)" "\$(field bundle)" "\$(field note)"
  printf 'cwd=%s env=%s fds=%s ' "\$PWD" "\$(env | grep -vE '^(PWD|SHLVL|_)=' | tr '\n' ' ')" "\$(grep -vc '^\(0\|1\|2\|255\)\$' $log.fds)"
  [ "\$(readlink /proc/self/ns/uts)" = "$(readlink /proc/self/ns/uts)" ] && printf 'uts=host\n' || printf 'uts=own\n'
} >>$log
case \$2 in
fail) echo "said \$name" >&2; exit 3 ;;
hang) sleep 1000 ;;
mount) mount -t tmpfs none "\$root/mnt" && echo mounted >"\$root/mnt/file" ;;
esac
exit 0
SH
chmod 755 "$scratch/hook"

hook() { # NAME [WHAT [TIMEOUT]]
    printf '{"path": "%s", "args": ["hook", "%s", "%s"], "env": ["ONLY=this"]%s}' "$scratch/hook" "$1" "${2:-}" "${3:+, \"timeout\": $3}"
}
write_config() { # HOOKS-JSON [COMMAND [NAMESPACE-JSON]]
    cat >"$bundle/config.json" <<JSON
{"ociVersion": "1.2.0", "root": {"path": "$scratch/root"}, "annotations": {"note": "of-the-bundle"}, "hooks": $1,
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "sh", "-c", "${2:-busybox true}"], "env": ["PATH=/bin", "LD_PRELOAD=/evil.so"]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
 "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}${3:-}]}}
JSON
    rm -f "$log"
}
all="{\"prestart\": [$(hook prestart)], \"createRuntime\": [$(hook createRuntime-0), $(hook createRuntime-1)],
 \"createContainer\": [$(hook createContainer)], \"poststart\": [$(hook poststart)], \"poststop\": [$(hook poststop-0), $(hook poststop-1)]}"
names() { cut -d ' ' -f 1 "$log" 2>/dev/null | tr '\n' ' '; }
field_of() { sed -n "s/^$1 .*$2=\([^ ]*\).*/\1/p" "$log"; }

say "order, state and surroundings"
write_config "$all" "busybox true"
run create --bundle "$bundle" --pid-file "$scratch/pid" hooked || fail create
pid=$(cat "$scratch/pid")
assert_eq "after create" "$(names)" "prestart createRuntime-0 createRuntime-1 createContainer "
run start hooked || fail start
assert_eq "after start" "$(names)" "prestart createRuntime-0 createRuntime-1 createContainer poststart "
wait_for "the end" 10 bash -c "'$scratch/bin/casemate' --root '$state' state hooked | grep -q stopped"
run delete hooked || fail delete
assert_eq "after delete" "$(names)" "prestart createRuntime-0 createRuntime-1 createContainer poststart poststop-0 poststop-1 "
assert_eq "prestart: status" "$(field_of prestart status)" created
for name in createRuntime-0 createContainer; do assert_eq "$name: status" "$(field_of $name status)" creating; done
assert_eq "poststart: status" "$(field_of poststart status)" running
assert_eq "poststop-0: status" "$(field_of poststop-0 status)" stopped
for name in prestart createRuntime-1 createContainer poststart; do assert_eq "$name: pid" "$(field_of $name pid)" "$pid"; done
for name in prestart createContainer poststart poststop-1; do
    assert_eq "$name: bundle" "$(field_of $name bundle)" "$bundle"
    assert_eq "$name: annotations" "$(field_of $name note)" of-the-bundle
    assert_eq "$name: working directory" "$(field_of $name cwd)" "$bundle"
    assert_eq "$name: environment" "$(field_of $name env)" ONLY=this
    assert_eq "$name: descriptors" "$(field_of $name fds)" "$([ $name = createContainer ] && echo "$(field_of createContainer fds)" || echo 0)"
done
for name in prestart createRuntime-0 poststart poststop-0; do assert_eq "$name: namespaces" "$(field_of $name uts)" host; done
assert_eq "createContainer: namespaces" "$(field_of createContainer uts)" own
nothing_left

say "run; with a user namespace; what a hook mounts"
write_config "$all"
run run --bundle "$bundle" hooked || fail run
assert_eq "run" "$(names)" "prestart createRuntime-0 createRuntime-1 createContainer poststart poststop-0 poststop-1 "
write_config "{\"createContainer\": [$(hook createContainer mount)]}" "busybox cat /mnt/file"
assert_eq "what createContainer mounts is there" "$(run run --bundle "$bundle" hooked)" mounted
assert_eq "and not on the host" "$(find "$scratch/root/mnt" -mindepth 1 | wc -l)" 0
write_config "{\"createContainer\": [$(hook createContainer)], \"createRuntime\": [$(hook createRuntime)]}" "busybox echo inside" \
    ', {"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}], "maskedPaths": ["/proc/keys"'
assert_eq "in a user namespace" "$(run run --bundle "$bundle" hooked)" inside
assert_eq "in a user namespace" "$(names)" "createRuntime createContainer "
nothing_left

# A startContainer hook is a program of the container: it writes the same line from there.
cat >"$scratch/root/bin/inner" <<'SH'
#!/bin/busybox sh
name=$1
busybox ls /proc/$$/fd >"/out/fds.$name"
fds=$(busybox grep -c '^[3-9]$' "/out/fds.$name") # from 10 on: the shell's own, as PATH below
state=$(busybox cat)
field() { echo "$state" | busybox sed -n "s/.*\"$1\": *\"\?\([^\",}]*\)\"\?.*/\1/p" | busybox head -n 1; }
echo "$name status=$(field status) pid=$(field pid) bundle=$(field bundle) note=$(field note) cwd=$PWD" \
    "env=$(busybox env | busybox grep -vE '^(PWD|SHLVL|_|PATH)=' | busybox tr '\n' ' ') fds=$fds" \
    "init=$(busybox grep -c busybox /proc/1/comm)" \
    "uts=$(busybox readlink /proc/self/ns/uts)" >>/hooks.txt
case $2 in
fail) echo "said $name" >&2; exit 3 ;;
hang) exec busybox sleep 4321 ;;
confined) busybox grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status >/out/of-hook ;;
touch) : >/out/touched ;;
esac
exit 0
SH
chmod 755 "$scratch/root/bin/inner"
mkdir -m 777 "$scratch/root/out"
inner() { # NAME [WHAT [TIMEOUT]]
    printf '{"path": "/bin/inner", "args": ["hook", "%s", "%s"], "env": ["ONLY=this"]%s}' "$1" "${2:-}" "${3:+, \"timeout\": $3}"
}

say "startContainer: order, state and surroundings"
write_config "{\"createContainer\": [$(hook createContainer)], \"startContainer\": [$(inner start-0), $(inner start-1)],
 \"poststart\": [$(hook poststart)], \"poststop\": [$(hook poststop)]}" "busybox grep -c . /hooks.txt >/out/seen-by-app; busybox readlink /proc/self/ns/uts >/out/uts"
sed -i 's|"cwd": "/"|"cwd": "/out"|' "$bundle/config.json"
run create --bundle "$bundle" --pid-file "$scratch/pid" hooked || fail create
pid=$(cat "$scratch/pid")
assert_eq "startContainer: after create" "$(names)" "createContainer "
run start hooked || fail start
assert_eq "startContainer: after start" "$(names)" "createContainer start-0 start-1 poststart "
wait_for "the end" 10 bash -c "'$scratch/bin/casemate' --root '$state' state hooked | grep -q stopped"
run delete hooked || fail delete
[ "$(cat "$scratch/root/out/seen-by-app")" -ge 3 ] || fail "startContainer: the app ran before the hooks"
for name in start-0 start-1; do
    assert_eq "$name: status" "$(field_of $name status)" created
    assert_eq "$name: pid" "$(field_of $name pid)" "$pid"
    assert_eq "$name: bundle" "$(field_of $name bundle)" "$bundle"
    assert_eq "$name: annotations" "$(field_of $name note)" of-the-bundle
    assert_eq "$name: working directory" "$(field_of $name cwd)" /out
    assert_eq "$name: environment" "$(field_of $name env)" ONLY=this
    assert_eq "$name: descriptors" "$(field_of $name fds)" 0
    assert_eq "$name: the app is not executed yet" "$(field_of $name init)" 0
    assert_eq "$name: namespaces" "$(field_of $name uts)" "$(cat "$scratch/root/out/uts")"
done
nothing_left
write_config "{\"startContainer\": [$(inner start)], \"poststart\": [$(hook poststart)], \"poststop\": [$(hook poststop)]}"
run run --bundle "$bundle" hooked || fail run
assert_eq "startContainer: run" "$(names)" "start poststart poststop "
nothing_left

say "startContainer: as confined as the app"
write_config "{\"startContainer\": [$(inner confined confined)]}" "busybox grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status >/out/of-app"
sed -i 's|"uid": 0, "gid": 0|"uid": 1234, "gid": 1235, "additionalGids": [77]|; s|"cwd": "/"|"cwd": "/", "noNewPrivileges": true, "capabilities": {"bounding": ["CAP_KILL"]}|;
 s|"linux": {|"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]}, |' "$bundle/config.json"
(umask 0 && : >"$log")
run run --bundle "$bundle" hooked || fail "run: confined"
assert_match "the app is confined" "$(cat "$scratch/root/out/of-app")" "Uid:.1234.*NoNewPrivs:.1.*Seccomp:.2"
assert_eq "and so is the hook" "$(cat "$scratch/root/out/of-hook")" "$(cat "$scratch/root/out/of-app")"
write_config "{\"startContainer\": [$(inner start)]}" "busybox true" \
    ', {"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 0, "size": 65536}], "maskedPaths": ["/proc/keys"'
run run --bundle "$bundle" hooked || fail "run: in a user namespace"
assert_eq "in a user namespace" "$(names)" "start "
nothing_left

failing() { # WHAT HOOKS TEXT NAMES: `run` fails, saying TEXT; NAMES have run
    write_config "$2" "echo app >>/app-ran"
    rm -f "$scratch/root/app-ran"
    local code=0
    run run --bundle "$bundle" hooked >"$scratch/run.log" 2>&1 || code=$?
    [ $code -ne 0 ] || fail "$1: code 0"
    assert_match "$1" "$(cat "$scratch/run.log")" "$3"
    assert_eq "$1: what has run" "$(names)" "$4"
    nothing_left
}
say "hooks that fail"
stop=", \"poststop\": [$(hook poststop)]"
for phase in prestart createRuntime createContainer; do
    failing "$phase fails" "{\"$phase\": [$(hook one fail), $(hook two)]$stop}" "hook $phase\[0\] .*/hook': exit status 3: 'said one'" "one poststop "
    [ ! -e "$scratch/root/app-ran" ] || fail "$phase fails: the app ran"
    failing "$phase hangs" "{\"$phase\": [$(hook one hang 1)]$stop}" "did not end within 1 s" "one poststop "
done
failing "poststart fails" "{\"poststart\": [$(hook one fail)]$stop}" "hook poststart\[0\]" "one poststop "
failing "no such hook" "{\"createRuntime\": [{\"path\": \"/no/such/hook\"}]$stop}" "exit status 127: .*execve: No such file" "poststop "
failing "startContainer fails" "{\"startContainer\": [$(inner one fail), $(inner two)]$stop}" "hook startContainer\[0\] .*/bin/inner': exit status 3: 'said one'" "one poststop "
[ ! -e "$scratch/root/app-ran" ] || fail "startContainer fails: the app ran"
failing "startContainer hangs" "{\"startContainer\": [$(inner one hang 1)]$stop}" "did not end within 1 s" "one poststop "
# The host has this path, the container has not.
failing "a startContainer hook of the host" "{\"startContainer\": [$(hook one)]$stop}" "hook startContainer\[0\] .*/hook'" "poststop "
write_config "{\"startContainer\": [$(inner one), $(inner two fail)]}" "echo app >/app-ran"
run create --bundle "$bundle" hooked || fail "create"
code=0
run start hooked 2>"$scratch/run.log" || code=$?
assert_eq "start: startContainer fails: code" "$code" 1
assert_match "start: startContainer fails" "$(cat "$scratch/run.log")" "hook startContainer\[1\] .*exit status 3: 'said two'"
assert_eq "start: startContainer fails: one line" "$(wc -l <"$scratch/run.log")" 1
assert_match "start: startContainer fails: the end" "$(run state hooked)" stopped
[ ! -e "$scratch/root/app-ran" ] || fail "start: startContainer fails: the app ran"
run delete hooked
nothing_left
write_config "{\"poststop\": [$(hook one fail), $(hook two)]}"
run run --bundle "$bundle" hooked 2>"$scratch/run.log" || fail "a poststop hook that fails is fatal"
assert_match "poststop fails" "$(cat "$scratch/run.log")" "hook poststop\[0\]"
assert_eq "poststop fails: the next one runs" "$(names)" "one two "
write_config "{\"poststart\": [$(hook one fail)]}" "busybox sleep 1000"
run create --bundle "$bundle" hooked || fail "create"
run start hooked 2>/dev/null && fail "start: poststart fails"
wait_for "the end" 10 bash -c "'$scratch/bin/casemate' --root '$state' state hooked | grep -q stopped"
run delete hooked
nothing_left

say "the launcher is killed while a hook runs"
write_config "{\"createRuntime\": [$(hook one hang)]$stop}"
run run --bundle "$bundle" hooked 2>/dev/null &
launcher=$!
wait_for "the hook" 10 grep -qs 'one .*uts=' "$log"
kill -KILL "$(pgrep -P $launcher -x casemate || echo $launcher)" 2>/dev/null || kill -KILL $launcher
wait $launcher || :
run delete --force hooked || fail "delete --force"
assert_eq "after SIGKILL" "$(names)" "one poststop "
wait_for "no process" 5 no_process
nothing_left
write_config "{\"startContainer\": [$(inner one hang)]}"
run create --bundle "$bundle" hooked || fail "create"
"$scratch/bin/casemate" --root "$state" start hooked &
launcher=$!
wait_for "the hook" 10 grep -qs 'one .*uts=' "$log"
kill -KILL $launcher
wait $launcher || :
wait_for "the end of the hook" 5 bash -c '! pgrep -f "^busybox sleep 4321" >/dev/null'
assert_match "SIGKILL of start while a hook runs" "$(run state hooked)" created
run delete --force hooked || fail "delete --force"
nothing_left
write_config "{\"createRuntime\": [$(hook one hang)]$stop}"
"$scratch/bin/casemate" --root "$state" run --bundle "$bundle" hooked 2>"$scratch/run.log" &
launcher=$!
wait_for "the hook" 10 grep -qs 'one .*uts=' "$log"
kill -TERM $launcher
code=0
wait $launcher || code=$?
assert_eq "SIGTERM while a hook runs" "$code" 143
assert_eq "SIGTERM while a hook runs: what has run" "$(names)" "one poststop "
nothing_left

say "who may have hooks"
write_config "{\"startContainer\": [$(inner start touch)]}" "busybox true" ', {"type": "network"}'
run launch "$bundle" 2>"$scratch/run.log" && fail "launch takes a startContainer hook"
assert_match "launch" "$(cat "$scratch/run.log")" "hooks.startContainer.*a launch does not take this from a bundle"
run run --profile hardened --bundle "$bundle" hooked 2>"$scratch/run.log" && fail "a ceiling takes a startContainer hook"
assert_match "ceiling" "$(cat "$scratch/run.log")" "hooks, and oci.hooks is 'deny'"
assert_match "features" "$(run features | tr -d ' \n')" '"hooks":\["prestart","createRuntime","createContainer","startContainer","poststart","poststop"\]'
[ ! -e "$log" ] && [ ! -e "$scratch/root/out/touched" ] || fail "a hook ran"
write_config "$all"
for arguments in "launch $bundle"; do
    # shellcheck disable=SC2086
    run $arguments 2>"$scratch/run.log" && fail "launch takes hooks"
    assert_match "launch" "$(cat "$scratch/run.log")" "hooks"
    [ ! -e "$log" ] || fail "launch ran hooks"
done
nothing_left
