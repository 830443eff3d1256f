"""GET /health says that the app serves; GET /sandbox says what it sees of its own confinement."""
import os

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/sandbox")
def sandbox():
    with open("/proc/self/status", encoding="ascii") as status:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    shown = {key: facts[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
    read_only = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    return {"uid": os.getuid(), "gid": os.getgid(), "root_read_only": read_only, **shown}
