#!/usr/bin/env python3
"""The composite action and the example workflow: well-formed, linted, and run.

actionlint is in no Debian package, so this checks what it would: the keys, that inputs and outputs that are used exist,
that no expression stands in a script (injection), shellcheck over every script. Then the action's own steps run, as a
runner would run them, on images that must pass and that must fail.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print("skipped: needs python3-yaml")
    sys.exit(77)
if os.geteuid() != 0:
    print("skipped: needs root")
    sys.exit(77)

SOURCE = pathlib.Path(os.environ["CASEMATE_SOURCE"])
BUILD = pathlib.Path(os.environ["CASEMATE_BUILD"])
ACTION = SOURCE / ".github/actions/casemate/action.yml"
WORKFLOW = SOURCE / "examples/github/hardened-image.yml"
STEP_KEYS = {"name", "id", "if", "uses", "with", "env", "run", "shell"}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
CONTEXTS = re.compile(r"^(inputs|steps|github|vars|secrets)\.[\w.-]+$")


def fail(text):
    print("FAILED:", text, file=sys.stderr)
    sys.exit(1)


def check(condition, text):
    if not condition:
        fail(text)


def shellcheck(script, where):
    tool = shutil.which("shellcheck")
    if tool:
        ran = subprocess.run([tool, "--shell=bash", "--severity=style", "-"], input=script, text=True,
                             stdout=subprocess.PIPE, check=False)
        check(ran.returncode == 0, f"{where}:\n{ran.stdout}")


def lint_step(step, where, known_inputs, composite):
    check(set(step) <= STEP_KEYS, f"{where}: unknown keys {set(step) - STEP_KEYS}")
    check(("run" in step) != ("uses" in step), f"{where}: either run or uses")
    if "run" in step:
        check(not EXPRESSION.search(step["run"]), f"{where}: an expression in a script")
        check(not composite or step.get("shell") == "bash", f"{where}: a composite action's step needs a shell")
        shellcheck(step["run"], where)
    for key in ("env", "with"):
        for name, value in step.get(key, {}).items():
            for expression in EXPRESSION.findall(str(value)):
                check(CONTEXTS.match(expression), f"{where}: {expression}")
                if composite and expression.startswith("inputs."):
                    check(expression[7:] in known_inputs, f"{where}: no input {expression}")


def lint():
    action, workflow = yaml.safe_load(ACTION.read_text()), yaml.safe_load(WORKFLOW.read_text())
    check(action["runs"]["using"] == "composite", "composite")
    used = set(re.findall(r"inputs\.([\w-]+)", ACTION.read_text()))
    check(used == set(action["inputs"]), f"inputs declared and used differ: {used ^ set(action['inputs'])}")
    for number, step in enumerate(action["runs"]["steps"]):
        lint_step(step, f"action step {number}", action["inputs"], True)
    for name, job in workflow["jobs"].items():
        check("runs-on" in job, f"{name}: runs-on")
        for number, step in enumerate(job["steps"]):
            lint_step(step, f"{name} step {number}", {}, False)
            if step.get("uses", "").startswith("./"):
                check(set(step["with"]) <= set(action["inputs"]), f"{name}: inputs that the action does not have")
    names = [step.get("name", step.get("uses")) for step in workflow["jobs"]["image"]["steps"]]
    check(names.index("Push what has passed") == len(names) - 1, "pushed before it was judged")
    return action


class Runner:
    """Enough of a runner: evaluates `if: inputs.x != ''` and ${{ inputs.x }}, and gives the files that steps write."""

    def __init__(self, action, directory):
        self.action, self.directory = action, pathlib.Path(directory)
        (self.directory / "bin").mkdir()
        (self.directory / "bin/sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (self.directory / "bin/sudo").chmod(0o755)

    def run(self, **inputs):
        inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
        values = {name: spec.get("default", "") for name, spec in self.action["inputs"].items()} | inputs
        files = {key: str(self.directory / key) for key in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            pathlib.Path(path).write_text("")
        for step in self.action["runs"]["steps"]:
            condition = re.match(r"inputs\.([\w-]+) != ''$", step.get("if", ""))
            check("if" not in step or condition, f"{step['name']}: a condition that this runner does not know")
            if condition and values[condition[1]] == "":
                continue
            env = {name: EXPRESSION.sub(lambda found: values[found[1][7:]], value)
                   for name, value in step.get("env", {}).items()}
            path = f"{self.directory}/bin:{BUILD}:/usr/sbin:/usr/bin:/sbin:/bin"
            ran = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                                 cwd=self.directory, env=env | files | {"PATH": path, "GITHUB_ACTION_PATH": str(ACTION.parent)},
                                 text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
            if ran.returncode != 0:
                return step["name"], ran.stdout
        return None, pathlib.Path(files["GITHUB_STEP_SUMMARY"]).read_text()


def report_about(layout, severity, fixed):
    blob = lambda digest: json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())
    manifest = blob(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"])
    config = manifest["config"]["digest"]
    finding = {"VulnerabilityID": "CVE-2024-0001", "PkgName": "p", "InstalledVersion": "1", "Severity": severity,
               "Status": "fixed" if fixed else "affected"} | ({"FixedVersion": "2"} if fixed else {})
    return json.dumps({"SchemaVersion": 2, "CreatedAt": "2026-11-01T00:00:00Z", "ArtifactType": "container_image",
                       "Metadata": {"ImageID": config, "DiffIDs": blob(config)["rootfs"]["diff_ids"],
                                    "OS": {"Family": "debian", "Name": "12"}},
                       "Results": [{"Target": "t", "Class": "os-pkgs", "Vulnerabilities": [finding]}]})


def main():
    action = lint()
    with tempfile.TemporaryDirectory() as directory:
        image = BUILD / "examples/health"
        check(image.is_dir(), f"no {image}: build example_health_image")
        runner = Runner(action, directory)
        report = pathlib.Path(directory, "scan.json")

        report.write_text(report_about(image, "HIGH", fixed=False))
        failed, said = runner.run(image=str(image), scan_report=str(report), port="8080")
        check(failed is None, f"a good image failed in '{failed}': {said}")
        check("0 different" in said, f"summary: {said}")
        sarif = json.loads(pathlib.Path(directory, "casemate.sarif").read_text())
        check(sarif["version"] == "2.1.0" and sarif["runs"][0]["tool"]["driver"]["rules"], "the SARIF file")

        report.write_text(report_about(image, "CRITICAL", fixed=True))
        failed, said = runner.run(image=str(image), scan_report=str(report), port="8080")
        check(failed == "Gate on the vulnerability report" and "::error" in said, f"a vulnerable image: {failed}: {said}")

        failed, said = runner.run(image=str(image), scan_report=str(report), severity="LOW", port="")
        check(failed is None, f"another severity: {failed}: {said}")

        failed, said = runner.run(image=str(image), port="8080", health="/gone")
        check(failed == "Launch it, verify it, ask it" and "did not answer" in said, f"no health: {failed}: {said}")

        bad = pathlib.Path(directory, "bad")
        (pathlib.Path(directory) / "layer").mkdir()
        subprocess.run([SOURCE / "scripts/pack-image", "--output", bad, "--entrypoint", "/x", "--user", "root",
                        pathlib.Path(directory) / "layer"], check=True, stdout=subprocess.DEVNULL)
        failed, said = runner.run(image=str(bad), port="")
        check(failed == "Judge the image by the rules" and "fatal" in said, f"an image of root: {failed}: {said}")
        hostile = "x; touch injected"
        failed, _ = runner.run(image=hostile, port="")
        check(failed and not pathlib.Path(directory, "injected").exists(), "an input was run")


main()
