"""Rows: networks: none, host, another container's, bridges of the engine, published ports, user-mode networks."""
import pathlib
import socket

from lib_podman import Failed, Skipped, root_row, row, user_row

SERVE = "while :; do echo served | nc -l -p 8000; done"


def fetch(address, port):
    """What the other side sends; an empty string while nobody listens."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            connection.settimeout(2)
            return connection.recv(100).decode().strip()
    except OSError:
        return ""


@row("network: none has lo only")
def _(case):
    case.equal("interfaces", case.script("ls /sys/class/net", flags=["--network", "none"]).split(), ["lo"])
    case.script("ip link show lo", out="UP")


@row("network: the host's")
def _(case):
    if case.rootless:
        raise Skipped("the same namespace as the caller's is shown by the row as root; rootless sysfs differs")
    case.equal("namespace", case.run("readlink", "/proc/self/ns/net", flags=["--network", "host"]), str(pathlib.Path("/proc/self/ns/net").readlink()))


@row("network: another container's")
def _(case):
    other = case.start(flags=["--network", "none"])
    wanted = case.expect("exec", other, "readlink", "/proc/self/ns/net")
    case.equal("namespace", case.run("readlink", "/proc/self/ns/net", flags=["--network", f"container:{other}"]), wanted)


@root_row("network: bridge, reached from the host")
def _(case):
    name = case.start("sh", "-c", SERVE, flags=["--network", "podman"])
    address = case.inspect(name, ".NetworkSettings.IPAddress")
    case.until(lambda: fetch(address, 8000), "served")


@root_row("network: -p publishes a port")
def _(case):
    port = 20000 + case.number
    case.start("sh", "-c", SERVE, flags=["-p", f"127.0.0.1:{port}:8000"])
    case.until(lambda: fetch("127.0.0.1", port), "served")


@root_row("network: two containers on a bridge of their own")
def _(case):
    network = f"net-{case.number}"
    case.expect("network", "create", "--disable-dns", network)
    name = case.start("sh", "-c", SERVE, flags=["--network", network])
    address = case.expect("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
    case.run("sh", "-c", f"for i in 1 2 3 4 5 6 7 8 9; do nc -w 2 {address} 8000 </dev/null && exit; sleep 0.3; done; exit 1", flags=["--network", network], out="served")
    case.expect("rm", "-f", "-t", "0", name)
    case.expect("network", "rm", network)


@root_row("network: address, mac and hosts by request")
def _(case):
    flags = ["--network", "podman", "--ip", "10.88.77.7", "--mac-address", "02:00:00:00:77:07", "--add-host", "other:192.0.2.9", "--dns", "192.0.2.53"]
    seen = case.script("ip addr show eth0; cat /etc/hosts /etc/resolv.conf", flags=flags)
    for wanted in ("10.88.77.7/", "02:00:00:00:77:07", "192.0.2.9", "192.0.2.53"):
        if wanted not in seen:
            raise Failed(f"no {wanted}: {seen}")


@root_row("network: a container that ends leaves no link behind")
def _(case):
    before = set(pathlib.Path("/sys/class/net").iterdir())
    name = case.start(flags=["--network", "podman"])
    case.expect("rm", "-f", "-t", "0", name)
    del before
    namespaces = [entry.name for entry in pathlib.Path("/run/netns").iterdir()]
    key = case.engine.call("inspect", "--format", "{{.NetworkSettings.SandboxKey}}", name).stdout.strip().split("/")[-1]
    if key and key in namespaces:
        raise Failed(key)


@user_row("network: slirp4netns")
def _(case):
    if not pathlib.Path("/dev/net/tun").exists():
        raise Skipped("no /dev/net/tun")
    case.run("ip", "addr", flags=["--network", "slirp4netns"], out=r"10\.0\.2\.100")


@user_row("network: -p publishes a port without root")
def _(case):
    if not pathlib.Path("/dev/net/tun").exists():
        raise Skipped("no /dev/net/tun")
    port = 21000 + case.number
    case.start("sh", "-c", SERVE, flags=["-p", f"127.0.0.1:{port}:8000"])
    case.until(lambda: fetch("127.0.0.1", port), "served")
