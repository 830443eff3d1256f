#!/usr/bin/env python3
"""Races made certain (SECURITY H3): at each system call of the launcher that has to do with paths, the hostile swap happens.

security_stepper stops the launcher before the n-th such call and lets a directory and a link to the host change places, or
mounts something over it; for that one call, or for good. After each run nothing of the host's canary tree has changed, and
the container was either refused or is the one that it would have been. A random mode swaps as fast as it can instead.

races.py [--sweep] [--scene NAME] [--planted]
  --sweep    every call of every scene; else a sample that ends within a minute
  --scene    only this one (races.py --list)
  --planted  a launcher that resolves paths as strings is run in place of casemate: it must be caught
Exit codes: 0 all held, 1 not, 77 a need is unmet. The last line counts.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from harness import Failure, Lab, Result, enter_private
from race_scenes import SCENES, NaiveScene, tool

SAMPLE_STOPS = 9  # stops a way of swapping, in the sample
RANDOM_RUNS = {False: 6, True: 120}
SWAP_LOOP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
pairs = [(os.fsencode(a), os.fsencode(b)) for a, b in zip(sys.argv[1::2], sys.argv[2::2])]
while True:
    for a, b in pairs:
        libc.renameat2(-100, a, -100, b, 2)
        libc.renameat2(-100, a, -100, b, 2)
"""


class Racer:
    """Runs one scene stop by stop, and judges each run."""

    def __init__(self, scene, binary=None):
        self.scene, self.lab = scene, scene.lab
        self.binary = binary or self.lab.binary
        self.report = self.lab.scratch / "report"
        self.words = [*self.lab.words, str(self.binary)] + ([] if binary else ["--root", str(self.lab.state)])
        self.stepped = self.refused = self.right = 0
        self.escapes = []
        # What covers a directory has all that the launcher would have to make in it.
        for name in ("decoy/b", "decoy/new/deep"):
            (self.lab.canary / name).mkdir(parents=True)
        (self.lab.canary / "decoy/hidden").write_text("secret\n")
        self.before = self.lab.snapshot()
        self.calls = self.baseline = None

    def run(self, at=None, swaps=(), back=False, traced=True, each=None):
        tracer = [str(tool("security_stepper")), "--programs", str(self.lab.binary.parent), "--report", str(self.report)]
        tracer += ["--at", at] if at else []
        tracer += ["--back"] if back else []
        tracer += ["--each", each] if each else []
        for kind, first, second in swaps:
            tracer += [f"--{kind}", str(first), str(second)]
        command = [self.lab.scratch.name if word == "security" else str(word) for word in self.scene.command]
        if traced:
            self.scene.prepare()
        # A file and not a pipe: a container that is only created holds it open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run([*(tracer + ["--"] if traced else []), *self.words, *command], env=self.lab.environment, cwd=self.lab.scratch,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=60, check=False)
            if self.scene.command[0] == "create" and done.returncode == 0:
                self.start(done)
            out.seek(0), err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        self.scene.end()
        if not traced:
            return None
        result = self.scene.finish(Result(done))
        self.scene.clean()
        return result

    def start(self, done):
        started = self.lab.casemate("start", "security")
        done.returncode = started.code
        deadline = time.monotonic() + 10
        while '"stopped"' not in self.lab.casemate("state", "security").out and time.monotonic() < deadline:
            time.sleep(0.005)

    def judge(self, result, what):
        after = self.lab.snapshot()
        if after != self.before:
            self.escapes.append(f"{what}: the host has changed")
            self.before = after
        elif result.code != 0 and result.err.startswith("casemate: "):
            self.refused += 1
        elif self.scene.picture(result.out) == self.baseline or (not self.scene.whole and result.code == 0):
            self.right += 1
        else:
            self.escapes.append(f"{what}: neither refused nor as it would have been: {self.difference(result)}")

    def difference(self, result):
        seen = self.scene.picture(result.out)
        missing, more = [line for line in self.baseline if line not in seen], [line for line in seen if line not in self.baseline]
        return f"code {result.code}, not there: {missing[:8]}, in its place: {more[:8]}, said {result.err[-300:]!r}"

    def start_quietly(self):
        result = self.run()
        self.lab.check(result.code == 0, f"without a swap it does not run: {result}")
        self.baseline = self.scene.picture(result.out)
        self.calls = self.report.read_text().split("\n")[:-1]
        self.lab.check(self.lab.snapshot() == self.before, "without a swap the host has changed")

    def ways(self):
        exchanges = [("exchange", *pair) for pair in self.scene.exchanges]
        covers = [("cover", *pair) for pair in self.scene.covers]
        # For one call only, all at once is as good as one by one; for good, the first would hide the others.
        yield "each, for one call", exchanges, True
        if covers:
            yield "covered, for one call", covers, True
        for swap in exchanges + covers:
            yield f"{swap[0]} {pathlib.Path(swap[1]).name}, for good", [swap], False

    def step_through(self, stops):
        """STOPS a way of swapping, evenly spread; 0: at every call, and those that also see what follows at every few."""
        for number, (name, swaps, back) in enumerate(self.ways()):
            width = max(1, len(self.calls) // stops) if stops else 1 if number == 0 else 4 if back else 8
            for line in self.calls[number % width::width]:
                at, _, call = line.partition(" ")
                result = self.run(at, swaps, back)
                self.stepped += self.report.read_text().endswith("swapped\n")
                self.judge(result, f"{name}, before {call} ({at})")

    def always_in_time(self):
        """One who swaps at every look at a path that begins so, and back after it, so that no second look sees him."""
        for begin, pair in self.scene.always:
            result = self.run(each=begin, swaps=[("exchange", *pair)])
            self.stepped += self.report.read_text().endswith("swapped\n")
            self.judge(result, f"always, at {begin}")

    def race_by_luck(self, runs):
        pairs = [str(name) for pair in self.scene.exchanges for name in pair if "*" not in str(pair[0])]
        for _ in range(runs):
            self.scene.prepare()  # not under attack: what is raced is the command
            swapper = subprocess.Popen([sys.executable, "-c", SWAP_LOOP, *pairs])
            try:
                self.run(traced=False)
            finally:
                swapper.kill()
                swapper.wait()
            self.scene.settle()
            # What came of it depends on the moment: only the host counts.
            after = self.lab.snapshot()
            if after != self.before:
                self.escapes.append("by luck: the host has changed")
            self.before = after



def one_scene(name, sweep):
    kind, mode = SCENES[name]
    lab = Lab(mode)
    scene = None
    try:
        scene = kind(lab)
        racer = Racer(scene)
        racer.start_quietly()
        racer.step_through(0 if sweep else SAMPLE_STOPS)
        racer.always_in_time()
        racer.race_by_luck(RANDOM_RUNS[sweep])
        if hasattr(scene, "close"):
            scene.close()
        lab.nothing_left()
        lab.probe()
        for escape in racer.escapes[:5]:
            print(f"not ok {name}: {escape}")
        print(f"{name}: stepped {racer.stepped}, refused {racer.refused}, right {racer.right}, by luck {RANDOM_RUNS[sweep]}, escaped {len(racer.escapes)}, of {len(racer.calls)} calls")
        return not racer.escapes
    except Failure as failure:
        print(f"not ok {name}: {failure}\n{name}: stepped 0, by luck 0, escaped 1")
        return False
    finally:
        lab.close()


def planted():
    lab = Lab("root")
    try:
        racer = Racer(NaiveScene(lab), lab.binary.parent / "naive")
        racer.start_quietly()
        racer.step_through(0)
        print(f"races: the planted one was caught {len(racer.escapes)} times in {racer.stepped} stops")
        return len(racer.escapes) >= 2
    finally:
        lab.close()


def all_scenes(arguments):
    """Each in a process and a mount namespace of its own, two at a time."""
    def run(name):
        return subprocess.run([sys.executable, __file__, "--scene", name, *(["--sweep"] if arguments.sweep else [])], stdout=subprocess.PIPE, text=True, check=False)
    counts, good = {"stepped": 0, "by luck": 0, "escaped": 0}, True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in pool.map(run, SCENES):
            print(done.stdout, end="", flush=True)
            good = good and done.returncode == 0
            for what in counts:
                found = re.findall(rf"{what} (\d+)", done.stdout.splitlines()[-1] if done.stdout else "")
                counts[what] += int(found[0]) if found else 1
    print(f"races: {len(SCENES)} scenes, stepped {counts['stepped']}, by luck {counts['by luck']}, escaped {counts['escaped']}")
    return good and counts["escaped"] == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--scene", choices=SCENES)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(SCENES))
        return 0
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 77
    if not arguments.scene and not arguments.planted:
        return 0 if all_scenes(arguments) else 1
    enter_private()
    os.umask(0o022)
    return 0 if (planted() if arguments.planted else one_scene(arguments.scene, arguments.sweep)) else 1


sys.exit(main())
