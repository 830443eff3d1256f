#!/bin/bash
# config.json as other tools write it, and fields that only a whole run shows: `runc spec`'s own files unchanged but for
# the terminal, a seccomp listener and its agent, verify of scheduling and personality, and what is refused by name.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/root/bin" "$scratch/root/tmp" "$scratch/bundle"
cp /bin/busybox "$scratch/root/bin/"
become root

# The bundle: config.json of $1 with python statements $2 applied to it ("c").
bundle() {
    python3 - "$1" "$scratch" "$2" <<'PYTHON'
import json, sys
source, scratch, edit = sys.argv[1:]
c = json.load(open(source))
c["root"]["path"] = scratch + "/root"
c["process"]["terminal"] = False
exec(edit)
json.dump(c, open(scratch + "/bundle/config.json", "w"))
PYTHON
}

if command -v runc >/dev/null; then
    mkdir "$scratch/spec" "$scratch/rootless"
    runc spec --bundle "$scratch/spec"
    runc spec --rootless --bundle "$scratch/rootless"
else # what runc 1.1.5 writes, the part that matters here
    say "no runc: its own spec is not tried"
fi
cat >"$scratch/small.json" <<'JSON'
{"ociVersion": "1.2.0", "root": {"path": ""},
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/busybox", "true"], "noNewPrivileges": true},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
 "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}
JSON

# Without the cgroup mounts: those have a test of their own.
for kind in spec rootless; do
    [ -d "$scratch/$kind" ] || continue
    bundle "$scratch/$kind/config.json" '
c["mounts"] = [m for m in c["mounts"] if m["type"] != "cgroup"]
c["linux"].pop("resources", None)
c["process"]["args"] = ["/bin/busybox", "sh", "-c", "/bin/busybox id -u; /bin/busybox stat -c %t:%T /dev/null; /bin/busybox uname -n"]'
    seen=$(run run --bundle "$scratch/bundle" "e2e-fields-$kind") || fail "runc spec ($kind)"
    assert_eq "runc spec ($kind)" "${seen//$'\n'/ }" "0 1:3 runc"
done
say "runc's own config.json runs"

# A listener: the agent is told whose it is, and answers mkdir; without the rule mkdir works.
agent_said=$scratch/agent.out
"$(dirname "$0")/lib_agent.py" "$scratch/agent.sock" >"$agent_said" 2>"$scratch/agent.log" &
agent=$!
for _ in $(seq 100); do [ -S "$scratch/agent.sock" ] && break; sleep 0.05; done
bundle "$scratch/small.json" '
c["annotations"] = {"org.example.key": "value"}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": scratch + "/agent.sock", "listenerMetadata": "hello",
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
c["process"]["args"] = ["/bin/busybox", "mkdir", "/tmp/made"]'
seen=$(run run --bundle "$scratch/bundle" e2e-listener 2>&1) && fail "mkdir was not answered by the agent"
assert_match "the agent's answer" "$seen" "ioctl"
wait $agent
python3 - "$agent_said" <<'PYTHON' || fail "what the agent was told: $(cat "$agent_said")"
import json, sys
text, fds = open(sys.argv[1]).read().rsplit(" ", 1)
state = json.loads(text)
assert int(fds) == 1 and state["fds"] == ["seccompFd"] and state["metadata"] == "hello"
assert state["state"]["id"] == "e2e-listener" and state["state"]["status"] == "creating" and state["pid"] == state["state"]["pid"] > 1
assert state["state"]["annotations"] == {"org.example.key": "value"}
PYTHON
bundle "$scratch/small.json" 'c["process"]["args"] = ["/bin/busybox", "mkdir", "/tmp/made"]'
run run --bundle "$scratch/bundle" e2e-no-listener || fail "mkdir without a listener"
say "a seccomp listener goes to its agent"

# exec: a filter of its own, so a listener of its own, for the same socket; the agent hears which process and whose.
agent() { # OUTPUT: $agent, listening
    rm -f "$scratch/agent.sock"
    "$(dirname "$0")/lib_agent.py" "$scratch/agent.sock" >"$1" 2>"$scratch/agent.log" &
    agent=$!
    wait_for "the agent" 10 test -S "$scratch/agent.sock"
}
bundle "$scratch/small.json" '
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": scratch + "/agent.sock",
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
c["process"]["args"] = ["/bin/busybox", "sleep", "1000"]'
agent "$scratch/first.out"
first=$agent
run run --detach --bundle "$scratch/bundle" --pid-file "$scratch/listening.pid" e2e-exec </dev/null >"$scratch/detached.log" 2>&1 || fail "run --detach with a listener"
rm "$scratch/agent.sock"
seen=$(run exec e2e-exec /bin/busybox true 2>&1) && fail "exec: a listener that nobody has"
assert_match "exec without an agent" "$seen" "listenerPath.*agent.sock"
agent "$agent_said"
seen=$(run exec e2e-exec /bin/busybox mkdir /tmp/by-exec 2>&1) && fail "exec: mkdir was not answered by the agent"
assert_match "exec: the agent's answer" "$seen" "ioctl"
wait $agent
python3 - "$agent_said" "$(cat "$scratch/listening.pid")" <<'PYTHON' || fail "what the agent was told of exec: $(cat "$agent_said")"
import json, sys
text, fds = open(sys.argv[1]).read().rsplit(" ", 1)
told, container = json.loads(text), int(sys.argv[2])
assert int(fds) == 1 and told["fds"] == ["seccompFd"] and told["state"]["id"] == "e2e-exec"
assert told["state"]["status"] == "running" and told["state"]["pid"] == container and told["pid"] not in (0, container)
PYTHON
run delete --force e2e-exec || fail "delete --force"
wait $first
say "exec's listener goes to the agent, too"

# Nobody listens: the container does not start.
bundle "$scratch/small.json" '
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": scratch + "/nobody.sock",
  "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
seen=$(run run --bundle "$scratch/bundle" e2e-nobody 2>&1) && fail "a listener that nobody has"
assert_match "no agent" "$seen" "listenerPath.*nobody.sock"

# What is refused says where and why.
refused() { # STATEMENTS REGEX
    bundle "$scratch/small.json" "$1"
    seen=$(run run --bundle "$scratch/bundle" e2e-refused 2>&1) && fail "accepted: $1"
    assert_match "$1" "$seen" "$2"
}
refused 'c["linux"]["intelRdt"] = {"closID": "x"}' 'linux.intelRdt: '
refused 'c["process"]["scheduler"] = {"policy": "SCHED_OTHER", "priority": 3}' 'process.scheduler: priority'
refused 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/x"}' 'cannot be the default'
refused 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO"}' 'before the app was started.*the filter must allow the calls'
refused 'c["mounts"].append({"destination": "/proc/self", "type": "tmpfs", "source": "x"})' 'at or below /proc'
refused 'c["ociVersion"] = "2.0.0"' 'ociVersion'
refused 'c["linux"]["netDevices"] = {"eth0": {}}' 'netDevices'
[ -e /sys/module/apparmor/parameters/enabled ] || refused 'c["process"]["apparmorProfile"] = "x"' 'apparmor not supported'
say "what is not applied is refused by name"
