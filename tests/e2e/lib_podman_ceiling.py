"""Rows: a profile as the ceiling over what podman asks for; and that without one podman gets exactly what it asked for."""
import subprocess

from lib_podman import IMAGE, Skipped, row

CEILING = ["--runtime-flag", "profile=hardened"]
STATUS = "id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; touch /x 2>/dev/null || echo read-only"


def under_ceiling(case, *words, flags=(), **checks):
    if case.engine.runtime.name != "casemate":
        raise Skipped("only casemate has one")
    return case.expect(*CEILING, "run", "--name", case.name(), "--network", "none", *flags, IMAGE, *words, **checks)


@row("ceiling: a plain run is tightened")
def _(case):
    seen = under_ceiling(case, "sh", "-c", STATUS).split()
    case.equal("state", seen, ["1001", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2", "read-only"])


@row("ceiling: --privileged is refused")
def _(case):
    under_ceiling(case, "true", flags=["--privileged"], code=126, err="refused by")


@row("ceiling: the host's namespaces are refused")
def _(case):
    if case.rootless:
        raise Skipped("podman's rootless namespaces are its own")
    under_ceiling(case, "true", flags=["--pid", "host"], code=126, err="refused by")


@row("ceiling: verify is green")
def _(case):
    under_ceiling(case, "sleep", "300", flags=["-d"])
    case.until(lambda: case.inspect(case.names[-1], ".State.Status"), "running")
    words = [word for word in case.engine.words if word != "podman"][:case.engine.words.index("podman")]
    if case.rootless:  # with podman's own directories: elsewhere `unshare` makes another user namespace
        words = [*case.engine.words, "unshare"]
    done = subprocess.run([*words, str(case.engine.runtime), "verify", case.inspect(case.names[-1], ".Id")], env=case.engine.environment,
                          cwd=case.engine.scratch, capture_output=True, text=True, check=False, timeout=60)
    case.equal("verify", (done.returncode, done.stderr, done.stdout if done.returncode else ""), (0, "", ""))


@row("ceiling: without one podman gets what it asked for")
def _(case):
    seen = case.script(STATUS).split()
    case.equal("state", (seen[0], seen[2] != "0" * 16, seen[6], seen[-1]), ("0", True, "0", "2"))
