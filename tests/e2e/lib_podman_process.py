"""Rows: what a process is given and gives back: exit codes, stdio, terminal, environment, users, exec."""
import subprocess

from lib_podman import IMAGE, Failed, row
from lib_terminal import PROMPT


@row("run: the app's output and exit code 0")
def _(case):
    case.equal("output", case.run("echo", "hello"), "hello")


@row("run: the app's exit code")
def _(case):
    case.script("exit 7", code=7)


@row("run: 125 when podman itself refuses")
def _(case):
    case.run("true", flags=["--no-such-flag"], code=125)


@row("run: 126 when the command cannot be executed")
def _(case):
    case.run("/etc/passwd", code=126, err="(?i)permission denied")


@row("run: 127 when the command does not exist")
def _(case):
    case.run("no-such-command", code=127, err="(?i)not found|no such file")


@row("run: 127 when the command's path does not exist")
def _(case):
    case.run("/no/such/command", code=127, err="(?i)not found|no such file")


@row("run: 137 when the app is killed")
def _(case):
    name = case.start()
    case.expect("kill", name)
    case.equal("exit code", case.expect("wait", name), "137")


@row("run: 128+signal when the app ends by one")
def _(case):
    case.script("sh -c 'kill -SEGV $$'; exit $?", code=139)  # PID 1 itself would ignore it


@row("run: stdin is a pipe")
def _(case):
    case.equal("output", case.run("cat", flags=["-i"], stdin="one\ntwo\n"), "one\ntwo")


@row("run: without -i stdin is empty")
def _(case):
    case.equal("output", case.run("cat", stdin="unseen"), "")


@row("run: stdout and stderr stay apart")
def _(case):
    case.equal("stdout", case.script("echo out; echo err >&2", err="^err$"), "out")


@row("run: a megabyte through stdio")
def _(case):
    case.equal("bytes", len(case.script("head -c 1000000 /dev/zero | tr '\\0' x")), 1000000)


@row("run: environment, working directory, entry point")
def _(case):
    seen = case.run("-c", "echo $WHAT-$(pwd)", flags=["-e", "WHAT=this", "-w", "/data", "--entrypoint", "/bin/sh"])
    case.equal("output", seen, "this-/data")


@row("run: a working directory that the image lacks")
def _(case):
    case.run("pwd", flags=["-w", "/no/such/directory"], code=126, err="does not exist")


@row("run -t: the app has a terminal")
def _(case):
    if "/dev/pts/0" not in case.terminal("run", "--rm", "--name", case.name(), "--network", "none", "-t", IMAGE, "tty"):
        raise Failed("no /dev/pts/0")


@row("run -it: typing, and the size of the terminal")
def _(case):
    seen = case.terminal("run", "--rm", "--name", case.name(), "--network", "none", "-it", IMAGE, "sh", size=(33, 99), code=5,
                         dialogue=[(PROMPT, "stty size; echo ty''ped\n"), (r"\ntyped", "exit 5\n")])
    if "33 99" not in seen:
        raise Failed(f"size: {seen!r}")


@row("run -it: ^C reaches the app")
def _(case):
    case.terminal("run", "--rm", "--name", case.name(), "--network", "none", "-it", IMAGE, "sh", "-c", "trap 'exit 9' INT; echo up; while :; do sleep 1; done",
                  dialogue=[("up", "\x03")], code=9)


@row("run -it: detach keys, then attach")
def _(case):
    name = case.name()
    case.terminal("run", "--name", name, "--network", "none", "-it", IMAGE, "sh", dialogue=[(PROMPT, "\x10"), ("", "\x11")])
    case.equal("state", case.inspect(name, ".State.Status"), "running")
    case.terminal("attach", name, dialogue=[("", "\n"), (PROMPT, "exit 4\n")])
    case.equal("exit code", case.expect("wait", name), "4")


@row("run -d: logs of both streams")
def _(case):
    name = case.start("sh", "-c", "echo to-out; echo to-err >&2")
    case.equal("exit code", case.expect("wait", name), "0")
    case.expect("logs", name, out="^to-out$", err="^to-err$")


@row("logs -f: follows until the end")
def _(case):
    name = case.start("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done")
    case.equal("log", case.expect("logs", "-f", name), "1\n2\n3")


@row("attach: output of a running container")
def _(case):
    name = case.start("sh", "-c", "while :; do [ -f /tmp/go ] && echo went && exit 6; sleep 0.1; done")
    attached = subprocess.Popen([*case.engine.words, "attach", name], env=case.engine.environment, cwd=case.engine.scratch, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    case.expect("exec", name, "touch", "/tmp/go")
    out, _ = attached.communicate(timeout=20)
    if "went" not in out and "went" not in case.expect("logs", name):
        raise Failed(f"attached: {out!r}")
    case.equal("exit code", case.expect("wait", name), "6")


@row("start -a -i: stdin of a created container")
def _(case):
    name = case.name()
    case.expect("create", "-i", "--name", name, "--network", "none", IMAGE, "cat")
    case.equal("output", case.expect("start", "-a", "-i", name, stdin="through\n"), "through")


@row("run --cidfile --pidfile --conmon-pidfile")
def _(case):
    name = case.start(flags=["--cidfile", case.work / "cid", "--pidfile", case.work / "pid", "--conmon-pidfile", case.work / "conmon"])
    case.equal("pid", (case.work / "pid").read_text(), case.inspect(name, ".State.Pid"))
    case.equal("conmon", (case.work / "conmon").read_text(), case.inspect(name, ".State.ConmonPid"))
    case.equal("id", (case.work / "cid").read_text(), case.inspect(name, ".Id"))


@row("run --preserve-fds: an open file reaches the app, others do not")
def _(case):
    (case.work / "file").write_text("through fd 3\n")
    words = " ".join(f"'{word}'" for word in [*case.engine.words, "run", "--rm", "--network", "none", "--preserve-fds=1", IMAGE, "sh", "-c", "cat <&3; ls /proc/self/fd"])
    done = subprocess.run(["bash", "-c", f"{words} 3<'{case.work}/file'"], env=case.engine.environment, cwd=case.engine.scratch,
                          capture_output=True, text=True, check=False)
    case.equal("output", done.stdout.split("\n")[0], "through fd 3")
    if len(done.stdout.split()) > 3 + 5:  # 0 1 2 3 and the directory itself
        raise Failed(f"descriptors: {done.stdout!r}")


@row("exec: output and exit code")
def _(case):
    name = case.start()
    case.equal("output", case.expect("exec", name, "echo", "in"), "in")
    case.expect("exec", name, "sh", "-c", "exit 3", code=3)


@row("exec: 127 and 126")
def _(case):
    name = case.start()
    case.expect("exec", name, "no-such-command", code=127)
    case.expect("exec", name, "/etc/passwd", code=126)


@row("exec -i: stdin")
def _(case):
    name = case.start()
    case.equal("output", case.expect("exec", "-i", name, "cat", stdin="typed\n"), "typed")


@row("exec -t: a terminal of its own")
def _(case):
    name = case.start()
    seen = case.terminal("exec", "-it", name, "sh", dialogue=[(PROMPT, "tty; exit 8\n")], code=8)
    if "/dev/pts/" not in seen:
        raise Failed(seen)


@row("exec -u -w -e")
def _(case):
    name = case.start()
    seen = case.expect("exec", "-u", "app", "-w", "/data", "-e", "WHAT=that", name, "sh", "-c", "echo $(id -u) $(id -g) $(pwd) $WHAT")
    case.equal("output", seen, "1001 1001 /data that")


@row("exec -d")
def _(case):
    name = case.start()
    case.expect("exec", "-d", name, "sh", "-c", "echo done >/tmp/mark")
    case.until(lambda: case.expect("exec", name, "cat", "/tmp/mark", code=(0, 1)), "done")


@row("exec: the container's namespaces and capabilities")
def _(case):
    name = case.start(flags=["--cap-drop", "all", "--cap-add", "kill"])
    look = "for n in mnt pid net ipc uts user; do readlink /proc/%s/ns/$n; done; grep -E 'Cap(Eff|Bnd)|Seccomp:' /proc/%s/status"
    case.equal("exec", case.expect("exec", name, "sh", "-c", look % ("self", "self")), case.expect("exec", name, "sh", "-c", look % (1, 1)))


@row("exec --privileged: all of the bounding set")
def _(case):
    name = case.start()
    plain = case.expect("exec", name, "grep", "CapEff", "/proc/self/status").split()[1]
    more = case.expect("exec", "--privileged", name, "grep", "CapEff", "/proc/self/status").split()[1]
    if not int(more, 16) & ~int(plain, 16):
        raise Failed(f"{more} against {plain}")


@row("exec: refused when the container has ended")
def _(case):
    name = case.start("true")
    case.expect("wait", name)
    case.expect("exec", name, "true", code=255, err="(?i)can only create exec sessions on running|not running")


@row("exec: twenty at once")
def _(case):
    name = case.start()
    running = [subprocess.Popen([*case.engine.words, "exec", name, "sh", "-c", f"echo {number}"], env=case.engine.environment,
                                cwd=case.engine.scratch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for number in range(20)]
    case.equal("output", [process.communicate(timeout=60)[0].strip() for process in running], [str(number) for number in range(20)])


@row("user: a name of the image, with its groups")
def _(case):
    case.equal("id", case.script("id -u; id -g; id -G", flags=["--user", "app"]).split("\n"), ["1001", "1001", "1001 29"])


@row("user: numbers")
def _(case):
    case.equal("id", case.script("echo $(id -u):$(id -g)", flags=["--user", "1234:5678"]), "1234:5678")


@row("user: a name that the image lacks")
def _(case):
    case.run("true", flags=["--user", "nobody-here"], code=(125, 126), err="unable to find user")


@row("groups: --group-add")
def _(case):
    seen = case.script("id -G", flags=["--user", "1001:1001", "--group-add", "29", "--group-add", "4000"]).split()
    case.equal("groups", sorted(seen), ["1001", "29", "4000"])


@row("umask")
def _(case):
    case.equal("umask", case.script("umask", flags=["--umask", "0027"]), "0027")


@row("init: the engine's init is PID 1 and reaps")
def _(case):
    seen = case.script("(sleep 0.1 &); sleep 0.4; cat /proc/1/comm; grep -l ^State:.Z /proc/[0-9]*/status | wc -l", flags=["--init"])
    case.equal("PID 1, zombies", seen.split("\n"), ["podman-init", "0"])
