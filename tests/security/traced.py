"""Runs of the launcher under security_tracer, for the trace oracle and the fault sweep: the verbs, and what each needs first."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile

import harness


def tracer():
    path = pathlib.Path(os.environ.get("CASEMATE_TRACER", pathlib.Path(os.environ["CASEMATE"]).parent / "tests/security_tracer"))
    return path if path.exists() else None


def traced(lab, *arguments, at=(), log=None, every_call=True, output=None, timeout=harness.TIMEOUT, binary=None, environment=None):
    """One traced call of the launcher. Gives (Result, events). `output`: a file for what is printed; who lives on keeps a pipe open."""
    log = log or lab.scratch / "trace.json"
    words = [tracer(), "--log", log, *(["--calls", "--sites"] if every_call else []), *[word for one in at for word in ("--at", one)], "--"]
    words += [*lab.words, binary or lab.binary, "--root", lab.state, *arguments]
    words = [str(word) for word in words]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if output:
        streams["stdout"] = streams["stderr"] = open(output, "wb")  # pylint: disable=consider-using-with
    done = subprocess.run(words, env=lab.environment | (environment or {}), cwd=lab.scratch, timeout=timeout, check=False, **streams)
    if output:
        streams["stdout"].close()
        done.stderr = output.read_bytes()
    return harness.Result(done), [json.loads(line) for line in log.read_text().splitlines()]


def quiet(lab, *arguments):
    """The same without the tracer; the output of a container that lives on goes nowhere."""
    return lab.casemate(*arguments, stdout=subprocess.DEVNULL)


def make_layout(layout, layers):
    """An OCI layout. `layers`: lists of (name, type, content or link target, mode)."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    descriptors, ids = [], []
    for members in layers:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for name, kind, content, mode in members:
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = kind, mode
                if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                    entry.linkname = content
                entry.size = len(content) if kind == tarfile.REGTYPE else 0
                tar.addfile(entry, io.BytesIO(content) if kind == tarfile.REGTYPE else None)
        ids.append("sha256:" + hashlib.sha256(raw.getvalue()).hexdigest())
        descriptors.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **put(gzip.compress(raw.getvalue(), 1, mtime=0))})
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]}, "rootfs": {"type": "layers", "diff_ids": ids}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": descriptors,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps(config).encode())}}
    index = {"schemaVersion": 2, "manifests": [{"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode())}]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def small_layout(lab):
    """Every kind of entry, a whiteout and a second layer: each call site of the unpacker."""
    layout = lab.scratch / "layout"
    if not layout.exists():
        make_layout(layout, [
            [("dir", tarfile.DIRTYPE, b"", 0o755), ("dir/file", tarfile.REGTYPE, b"text", 0o644), ("dir/deep", tarfile.DIRTYPE, b"", 0o711),
             ("bin", tarfile.DIRTYPE, b"", 0o755), ("bin/big", tarfile.REGTYPE, os.urandom(300000), 0o4755),
             ("link", tarfile.SYMTYPE, "dir/file", 0o777), ("hard", tarfile.LNKTYPE, "dir/file", 0o644)],
            [("dir/.wh.file", tarfile.REGTYPE, b"", 0o644), ("dir/new", tarfile.REGTYPE, b"more", 0o600), ("pipe", tarfile.FIFOTYPE, b"", 0o644),
             ("dir/deep/.wh..wh..opq", tarfile.REGTYPE, b"", 0o644)]])
        subprocess.run(["chmod", "-R", "a+rX", layout], check=True)
    return layout
