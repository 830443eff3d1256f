"""Rows: the life of a container: signals, stop, restart, pause, top, stats, health checks, hooks, pods, copies."""
import json
import subprocess

from lib_podman import IMAGE, Failed, Skipped, capability, root_row, row

TRAPS = "trap 'echo got-{0}; exit 11' {0}; echo up; while :; do sleep 0.1; done"


def trapping(case, signal):
    name = case.start("sh", "-c", TRAPS.format(signal))
    case.until(case.logs(name), "up")
    return name


@row("stop: the app handles SIGTERM")
def _(case):
    name = trapping(case, "TERM")
    case.expect("stop", name)
    case.equal("exit code", case.inspect(name, ".State.ExitCode"), "11")


@row("stop -t 1: SIGKILL after the time, 137")
def _(case):
    name = case.start("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    case.until(case.logs(name), "up")
    case.expect("stop", "-t", "1", name)
    case.equal("exit code", case.inspect(name, ".State.ExitCode"), "137")


@row("stop: the image's own stop signal")
def _(case):
    name = case.start("sh", "-c", TRAPS.format("USR2"), flags=["--stop-signal", "USR2"])
    case.until(case.logs(name), "up")
    case.expect("stop", name)
    case.equal("exit code", case.inspect(name, ".State.ExitCode"), "11")


@row("kill: by name and by number")
def _(case):
    for spelling in ("HUP", "SIGUSR1", "12"):
        name = case.start("sh", "-c", "trap 'exit 21' HUP USR1 USR2; echo up; while :; do sleep 0.1; done", suffix=f"-{spelling}")
        case.until(case.logs(name), "up")
        case.expect("kill", "-s", spelling, name)
        case.equal(spelling, case.expect("wait", name), "21")


@row("kill: a container that has ended")
def _(case):
    name = case.start("true")
    case.expect("wait", name)
    case.expect("kill", name, code=125, err="(?i)not running|improper")


@row("restart: a new process, the same container")
def _(case):
    name = case.start("sh", "-c", "echo once >>/tmp/starts; sleep 300")
    before = case.inspect(name, ".State.Pid")
    case.expect("restart", "-t", "0", name)
    if case.inspect(name, ".State.Pid") == before:
        raise Failed("the same process")
    case.until(lambda: case.expect("exec", name, "cat", "/tmp/starts"), "once\nonce")


@row("start: a container that has ended, again")
def _(case):
    name = case.start("sh", "-c", "exit 3")
    case.equal("exit code", case.expect("wait", name), "3")
    case.expect("start", "-a", name, code=3)


@row("--restart on-failure:2")
def _(case):
    name = case.start("sh", "-c", "echo try; exit 1", flags=["--restart", "on-failure:2"])
    case.until(lambda: case.inspect(name, ".State.Status") + case.inspect(name, ".RestartCount"), "exited2")
    case.equal("log", case.expect("logs", name), "try\ntry\ntry")


@row("--timeout ends the app")
def _(case):
    case.run("sleep", "300", flags=["--timeout", "1"], code=(137, 255, 143))


@row("rm -f: a running container")
def _(case):
    name = case.start()
    case.expect("rm", "-f", "-t", "0", name)
    case.expect("container", "exists", name, code=1)


@row("create, init, start, wait, rm: one at a time")
def _(case):
    name = case.name()
    case.expect("create", "--name", name, "--network", "none", IMAGE, "sh", "-c", "exit 2")
    case.expect("init", name)
    case.equal("state", case.inspect(name, ".State.Status"), "initialized")
    case.expect("start", name)
    case.equal("exit code", case.expect("wait", name), "2")
    case.expect("rm", name)


@row("rm: a container that was created and never started")
def _(case):
    name = case.name()
    case.expect("create", "--name", name, "--network", "none", IMAGE, "true")
    case.expect("init", name)
    case.expect("rm", name, code=(0, 2))
    case.expect("rm", "-f", "-i", name)


@row("ps and inspect: state, pid, runtime")
def _(case):
    name = case.start()
    case.equal("ps", case.expect("ps", "--filter", f"name=^{name}$", "--format", "{{.Status}}").split()[0], "Up")
    case.equal("runtime", case.inspect(name, ".OCIRuntime"), case.engine.runtime.name)
    case.until(lambda: case.expect("exec", name, "sh", "-c", "readlink /proc/1/exe"), "busybox")


@row("events: of a whole life")
def _(case):
    name = case.start("true")
    case.expect("wait", name)
    seen = case.expect("events", "--stream=false", "--filter", f"container={name}", "--format", "{{.Status}}").split()
    for event in ("create", "init", "start", "died"):
        if event not in seen:
            raise Failed(f"no {event} in {seen}")


@root_row("pause and unpause")
def _(case):
    name = case.start("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done")
    case.until(case.logs(name), "3")
    case.expect("pause", name)
    case.equal("state", case.inspect(name, ".State.Status"), "paused")
    before = case.expect("logs", name)
    case.expect("exec", name, "true", code=255)
    case.equal("log", case.expect("logs", name), before)
    case.expect("unpause", name)
    case.until(lambda: case.expect("logs", name) != before, True)


@root_row("stop and rm -f: a paused container")
def _(case):
    name = case.start()
    case.expect("pause", name)
    case.expect("rm", "-f", "-t", "0", name)
    case.expect("container", "exists", name, code=1)


@row("top: the container's processes")
def _(case):
    name = case.start("sh", "-c", "sleep 301 & sleep 302")
    case.until(lambda: case.expect("top", name), "sleep 301")
    case.expect("top", name, out="sleep 302")
    case.expect("top", name, "pid", "user", "comm", out=r"^1 +root +")


@root_row("stats: one sample")
def _(case):
    name = case.start("sh", "-c", "dd if=/dev/zero of=/dev/shm/f bs=1M count=8; sleep 300")
    sample = json.loads(case.expect("stats", "--no-stream", "--format", "json", name))[0]
    case.equal("name", sample["name"], name)
    if sample["pids"] in ("0", "--") or sample["mem_usage"].startswith(("--", "0B")):
        raise Failed(str(sample))


@row("healthcheck: healthy and unhealthy")
def _(case):
    name = case.start(flags=["--health-cmd", "test -f /tmp/well", "--health-interval", "disable", "--health-retries", "1"])
    case.expect("healthcheck", "run", name, code=1)
    case.equal("status", case.inspect(name, ".State.Health.Status"), "unhealthy")
    case.expect("exec", name, "touch", "/tmp/well")
    case.expect("healthcheck", "run", name)
    case.equal("status", case.inspect(name, ".State.Health.Status"), "healthy")


@row("cp: into and out of a running container")
def _(case):
    name = case.start()
    (case.work / "in").write_text("cargo\n")
    case.expect("cp", str(case.work / "in"), f"{name}:/tmp/in")
    case.equal("inside", case.expect("exec", name, "cat", "/tmp/in"), "cargo")
    case.expect("exec", name, "sh", "-c", "echo back >/tmp/out")
    case.expect("cp", f"{name}:/tmp/out", str(case.work / "out"))
    case.equal("outside", (case.work / "out").read_text(), "back\n")


@row("diff, commit, export")
def _(case):
    name = case.start("sh", "-c", "echo new >/made")
    case.expect("wait", name)
    case.expect("diff", name, out="^A /made$")
    case.expect("commit", "-q", name, f"localhost/{name}")
    case.equal("committed", case.expect("run", "--rm", "--network", "none", f"localhost/{name}", "cat", "/made"), "new")
    case.expect("rmi", f"localhost/{name}")
    case.expect("export", "-o", str(case.work / "all.tar"), name)


def add_hook(case, stage, command):
    """A hook of podman's --hooks-dir, for containers that carry this row's annotation."""
    directory = case.work / "hooks"
    directory.mkdir(exist_ok=True)
    (directory / f"{stage}.json").write_text(json.dumps({
        "version": "1.0.0", "hook": {"path": "/bin/sh", "args": ["sh", "-c", command], "timeout": 5}, "when": {"always": True}, "stages": [stage]}))
    return ["--hooks-dir", str(directory)]


@row("hooks: each stage runs, with the state on stdin")
def _(case):
    for stage in ("prestart", "createRuntime", "createContainer", "poststart", "poststop"):
        flags = add_hook(case, stage, f"cat >{case.work}/{stage}")
    name = case.name()
    case.expect(*flags, "run", "--name", name, "--network", "none", IMAGE, "true")
    case.expect(*flags, "rm", "-f", "-i", name)
    for stage, status in (("prestart", "creat"), ("createRuntime", "creat"), ("createContainer", "creat"), ("poststart", "creat|running|stopped"), ("poststop", "stopped")):
        state = case.until(lambda stage=stage: (case.work / stage).read_text() if (case.work / stage).exists() else "", r"\}")
        if not any(json.loads(state)["status"].startswith(word) for word in status.split("|")):
            raise Failed(f"{stage}: {state}")


@row("hooks: one that fails ends the start")
def _(case):
    flags = add_hook(case, "prestart", "exit 1")
    case.expect(*flags, "run", "--rm", "--name", case.name(), "--network", "none", IMAGE, "echo", "ran", code=(125, 126, 127))


@row("sdnotify: READY=1 of the app reaches the caller")
def _(case):
    import os
    import socket
    path = str(case.work / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.settimeout(20)
        program = 'echo "$NOTIFY_SOCKET"; test -S "$NOTIFY_SOCKET"'
        environment = case.engine.environment | {"NOTIFY_SOCKET": path}
        done = subprocess.run([*case.engine.words, "run", "--rm", "--name", case.name(), "--network", "none", "--sdnotify", "conmon", IMAGE, "sh", "-c", program],
                              env=environment, cwd=case.engine.scratch, capture_output=True, text=True, timeout=40, check=False)
        if done.returncode not in (0, 1):
            raise Failed(done.stderr)
        seen = listener.recv(4096).decode()
        if "READY=1" not in seen and "MAINPID" not in seen:
            raise Failed(seen)


@row("pod: two containers share network and ipc")
def _(case):
    pod = case.name("-pod")
    case.expect("pod", "create", "--name", pod, "--network", "none")
    one = case.start("sh", "-c", "echo served >/dev/shm/f; nc -l -p 8080 -e cat /dev/shm/f", flags=["--pod", pod], suffix="-one")
    case.until(lambda: case.expect("exec", one, "sh", "-c", "netstat -lnt"), ":8080")
    case.equal("over lo", case.expect("run", "--rm", "--pod", pod, IMAGE, "sh", "-c", "nc 127.0.0.1 8080 </dev/null"), "served")
    case.equal("over shm", case.expect("run", "--rm", "--pod", pod, IMAGE, "cat", "/dev/shm/f"), "served")


@row("pod: start, ps, top, stop, rm")
def _(case):
    pod = case.name("-pod")
    case.expect("pod", "create", "--name", pod, "--network", "none")
    case.expect("create", "--name", case.name(), "--pod", pod, IMAGE, "sleep", "300")
    case.expect("pod", "start", pod)
    case.equal("state", case.expect("pod", "inspect", "--format", "{{.State}}", pod), "Running")
    case.expect("pod", "top", pod, out="sleep 300")
    case.expect("pod", "stop", "-t", "0", pod)
    case.equal("state", case.expect("pod", "inspect", "--format", "{{.State}}", pod), "Exited")
    case.expect("pod", "rm", pod)


@row("pod: shared pid namespace")
def _(case):
    pod = case.name("-pod")
    case.expect("pod", "create", "--name", pod, "--network", "none", "--share", "ipc,net,uts,pid")
    case.start("sleep", "303", flags=["--pod", pod], suffix="-one")
    case.expect("run", "--rm", "--pod", pod, IMAGE, "ps", out="sleep 303")


@row("kube play: a pod from a manifest")
def _(case):
    if not case.rootless and not capability(24):
        raise Skipped("podman asks for limits above the caller's: needs CAP_SYS_RESOURCE")
    name = case.name("-pod")
    (case.work / "pod.yaml").write_text(f"""\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  hostNetwork: false
  restartPolicy: Never
  containers:
  - name: app
    image: {IMAGE}:latest
    imagePullPolicy: Never
    command: [sh, -c, "id -u; sleep 300"]
    securityContext: {{runAsUser: 1001, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}}
""")
    done = case.engine.call("play", "kube", "--network", "none", str(case.work / "pod.yaml"))
    if done.returncode != 0:
        raise Failed(done.stderr)
    case.until(lambda: case.expect("logs", f"{name}-app"), "1001")
    case.expect("play", "kube", "--down", str(case.work / "pod.yaml"))


@row("ten at once, and all gone")
def _(case):
    names = [case.name(f"-{number}") for number in range(10)]
    running = [subprocess.Popen([*case.engine.words, "run", "--rm", "--name", name, "--network", "none", IMAGE, "echo", name], env=case.engine.environment,
                                cwd=case.engine.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for name in names]
    for name, process in zip(names, running):
        out, err = process.communicate(timeout=60)
        if out.strip() != name:
            raise Failed(f"{name}: {out!r} {err!r}")


@row("info: knows the runtime's version")
def _(case):
    version = case.expect("info", "--format", "{{.Host.OCIRuntime.Version}}")
    if not version.startswith(case.engine.runtime.name):
        raise Skipped(version) if not version else Failed(version)
