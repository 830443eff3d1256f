#!/usr/bin/env python3
"""SARIF of the rules: checked against the standard's schema (our closed part of it; the whole one where
CASEMATE_SARIF_SCHEMA names it), with findings of every kind of subject, with a suppression, and with hostile file names."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: needs python3-jsonschema")
    sys.exit(77)

SOURCE = pathlib.Path(os.environ["CASEMATE_SOURCE"])
AUDIT = pathlib.Path(os.environ["CASEMATE_BUILD"]) / "casemate-audit"
SCHEMAS = [SOURCE / "tests/data/sarif/sarif-2.1.0-subset.schema.json"]
if os.environ.get("CASEMATE_SARIF_SCHEMA"):
    SCHEMAS.append(pathlib.Path(os.environ["CASEMATE_SARIF_SCHEMA"]))


def sarif(*arguments):
    ran = subprocess.run([AUDIT, "--fail-on", "never", "--format", "sarif", *arguments], stdout=subprocess.PIPE, check=True)
    document = json.loads(ran.stdout)
    for path in SCHEMAS:
        schema = json.loads(path.read_text())
        jsonschema.validators.validator_for(schema)(schema).validate(document)
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    for result in document["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result
    return document["runs"][0]["results"]


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory, "root")
        (root / "bin").mkdir(parents=True)
        for name in ("sh", "a b\n\u00e4'\"<&>%.pem"):
            (root / "bin" / name).write_text("-----BEGIN PRIVATE KEY-----\n")
        (root / "bin/sh").chmod(0o4755)
        results = sarif("--rootfs", root)
        assert {"FS-01", "FS-08", "FS-11"} <= {result["ruleId"] for result in results}, results

        layout = pathlib.Path(directory, "image")
        subprocess.run([SOURCE / "scripts/pack-image", "--output", layout, "--user", "root", "--entrypoint", "/bin/sh", root], check=True,
                       stdout=subprocess.DEVNULL)
        policy = pathlib.Path(directory, "policy.json")
        policy.write_text('{"failOn": "fatal", "suppress": [{"id": "IMG-01", "because": "a test", "until": "2199-01-01"}]}')
        results = sarif("--policy", policy, layout)
        assert [r for r in results if r["ruleId"] == "IMG-01"][0]["suppressions"], results

        bundle = pathlib.Path(directory, "bundle")
        bundle.mkdir()
        (bundle / "config.json").write_text('{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "linux": {}}')
        assert sarif("--bundle", bundle)
        assert sarif("--pid", str(os.getpid()))
        sarif("--host")

        # The schema can say no.
        broken = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "A"}]}]}
        schema = json.loads(SCHEMAS[0].read_text())
        try:
            jsonschema.validate(broken, schema)
        except jsonschema.ValidationError:
            return
        sys.exit("FAILED: a result without a message passes the schema")


main()
