"""OCI layouts and docker archives from layer bytes, with knobs for what must not be accepted."""
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import tarfile

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(document):
    return document if isinstance(document, bytes) else json.dumps(document).encode()


class Layout:
    def __init__(self, path):
        self.path = path
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path + "/blobs/sha256")

    def blob(self, data, digest=None):
        digest = digest or sha(data)
        with open(f"{self.path}/blobs/sha256/{digest.split(':')[1]}", "wb") as file:
            file.write(data)
        return {"digest": digest, "size": len(data)}

    def blob_path(self, descriptor):
        return f"{self.path}/blobs/sha256/{descriptor['digest'].split(':')[1]}"

    def layer(self, tar, codec="", diff_id=None):
        data = {"": lambda: tar, "+gzip": lambda: gzip.compress(tar, 6, mtime=0), "+zstd": lambda: zstd(tar)}[codec]()
        return {"mediaType": LAYER + codec, **self.blob(data), "diff": diff_id or sha(tar)}

    def image(self, layers, ref="test", config=None, **knobs):
        """knobs: os, architecture, and functions config_hook, manifest_hook that change a document before it is written."""
        document = {"os": knobs.get("os", "linux"), "architecture": knobs.get("architecture", ARCH),
                    "config": config if config is not None else {"Cmd": ["/bin/app"]},
                    "rootfs": {"type": "layers", "diff_ids": [layer["diff"] for layer in layers]}}
        knobs.get("config_hook", lambda d: None)(document)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, **self.blob(dump(document))},
                    "layers": [{k: v for k, v in layer.items() if k != "diff"} for layer in layers]}
        knobs.get("manifest_hook", lambda d: None)(manifest)
        descriptor = {"mediaType": MANIFEST, **self.blob(dump(manifest))}
        if ref:
            descriptor["annotations"] = {"org.opencontainers.image.ref.name": ref}
        return descriptor

    def finish(self, descriptors, **more):
        self.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
        self.write("index.json", {"schemaVersion": 2, "manifests": descriptors, **more})
        return self.path

    def write(self, name, document):
        with open(f"{self.path}/{name}", "wb") as file:
            file.write(dump(document))


def zstd(data):
    import subprocess
    return subprocess.run(["zstd", "-q", "-c", "-3"], input=data, stdout=subprocess.PIPE, check=True).stdout


def archive_of(files, path, mode="w"):
    """files: [(name, bytes or ("link", target))] as a tar at `path`."""
    with tarfile.open(path, mode) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, data[1]
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def docker_archive(path, layers, tags=("app:latest",), old=False, extra=(), mode="w", config_hook=lambda d: None):
    config = {"os": "linux", "architecture": ARCH, "config": {"Cmd": ["/bin/app"]},
              "rootfs": {"type": "layers", "diff_ids": [sha(tar) for tar in layers]}}
    config_hook(config)
    config = dump(config)
    hexes = [sha(tar)[7:] for tar in layers]
    name = sha(config)[7:] + ".json"
    files, names = [(name, config)], []
    for digest, tar in zip(hexes, layers):
        files.append((f"{digest}.tar", tar))
        if old:
            files.append((f"{digest}x/layer.tar", ("link", f"../{digest}.tar")))
        names.append(f"{digest}x/layer.tar" if old else f"{digest}.tar")
    images = [{"Config": name, "RepoTags": list(tags), "Layers": names}, *extra]
    return archive_of([*files, ("manifest.json", dump(images))], path, mode)
