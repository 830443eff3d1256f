"""Attaches to the first image of an OCI layout what admission.sh wants: lib_sign.py LAYOUT WHAT [KEY].

signature: as `cosign sign` and skopeo leave it. subject: the same, bound by `subject` instead of its name. other: a
payload for another digest. tampered: the payload's blob is changed after it was signed. sbom: an SPDX document.
report: writes a clean Trivy report about the image to standard output. digest: prints the manifest's digest.
"""
import base64
import hashlib
import json
import pathlib
import subprocess
import sys

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Layout:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.index = json.loads((self.path / "index.json").read_text())
        self.digest = self.index["manifests"][0]["digest"]

    def blob(self, digest):
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def put(self, data, media_type):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blob(digest).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def attach(self, layer, by_subject, artifact_type=None):
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.put(b"{}", "application/vnd.oci.image.config.v1+json"), "layers": [layer]}
        if artifact_type:
            manifest["artifactType"] = artifact_type
        entry = {}
        if by_subject:
            manifest["subject"] = {"mediaType": MANIFEST, "digest": self.digest, "size": 1}
            entry["annotations"] = {"org.opencontainers.image.ref.name": "attached"}
        else:
            entry["annotations"] = {"org.opencontainers.image.ref.name": self.digest.replace(":", "-") + ".sig"}
        self.index["manifests"].append(self.put(json.dumps(manifest).encode(), MANIFEST) | entry)
        (self.path / "index.json").write_text(json.dumps(self.index))


def sign(layout, key, digest, by_subject, tampered):
    payload = json.dumps({"critical": {"identity": {"docker-reference": "example.org/app"},
                                       "image": {"docker-manifest-digest": digest},
                                       "type": "cosign container image signature"}, "optional": None}).encode()
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=payload, stdout=subprocess.PIPE,
                               check=True).stdout
    layer = layout.put(payload, SIMPLE_SIGNING)
    layer["annotations"] = {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}
    layout.attach(layer, by_subject)
    if tampered:
        layout.blob(layer["digest"]).write_bytes(payload.replace(b"example.org", b"examplf.org"))


def report(layout):
    config = json.loads(layout.blob(layout.digest).read_text())["config"]["digest"]
    diff_ids = json.loads(layout.blob(config).read_text())["rootfs"]["diff_ids"]
    finding = {"VulnerabilityID": "CVE-2024-0001", "PkgName": "busybox", "InstalledVersion": "1.35", "Severity": "HIGH",
               "FixedVersion": "1.36", "Status": "fixed", "PkgIdentifier": {"PURL": "pkg:deb/debian/busybox@1.35"}}
    print(json.dumps({"SchemaVersion": 2, "CreatedAt": "2026-11-01T00:00:00Z", "ArtifactName": "app",
                      "ArtifactType": "container_image",
                      "Metadata": {"ImageID": config, "DiffIDs": diff_ids, "OS": {"Family": "debian", "Name": "12"}},
                      "Results": [{"Target": "app", "Class": "os-pkgs", "Type": "debian",
                                   "Vulnerabilities": [finding]}]}))


def main():
    layout, what = Layout(sys.argv[1]), sys.argv[2]
    if what == "digest":
        print(layout.digest)
    elif what == "report":
        report(layout)
    elif what == "sbom":
        layout.attach(layout.put(b"{}", "application/spdx+json"), True, "application/spdx+json")
    else:
        digest = "sha256:" + "0" * 64 if what == "other" else layout.digest
        sign(layout, sys.argv[3], digest, what == "subject", what == "tampered")


main()
