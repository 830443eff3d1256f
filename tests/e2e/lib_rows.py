"""Tables of named cases: each row is a function that raises Failed or Skipped; some run at once, each prints one line."""
import concurrent.futures
import dataclasses
import re
import subprocess
import time
import traceback


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


@dataclasses.dataclass
class Row:
    name: str
    modes: tuple
    act: object


def attempt(make_case, number, row):
    """(verdict, detail, seconds) of one row. A case has close()."""
    started, verdict, detail, case = time.monotonic(), "ok", "", None
    try:
        case = make_case(number)
        row.act(case)
    except Skipped as reason:
        verdict, detail = "skipped", str(reason)
    except Failed as failure:
        verdict, detail = "FAILED", str(failure)
    except subprocess.TimeoutExpired as late:
        verdict, detail = "FAILED", f"no end: {' '.join(map(str, late.cmd[-6:]))}"
    except Exception:  # a mistake in a row is that row's failure
        verdict, detail = "FAILED", traceback.format_exc()
    try:
        if case:
            case.close()
    except subprocess.TimeoutExpired as late:
        verdict, detail = "FAILED", f"{detail}\nclean-up has no end: {' '.join(map(str, late.cmd[-6:]))}"
    return verdict, detail, time.monotonic() - started


def run(rows, make_case, jobs, not_yet, label="", complete=True):
    """Runs (number, row) pairs; NOT_YET: pattern -> reason of rows that may fail so far. A line a row; the number of failures.

    A pattern none of whose rows fails any more must leave the list: that is a failure, when the rows are all there are."""
    stale = set(not_yet) if complete else set()
    counts = {"ok": 0, "skipped": 0, "FAILED": 0, "not yet": 0}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda item: attempt(make_case, *item), rows))
        for (number, row), (verdict, detail, seconds) in zip(rows, results):
            # Many engines beside each other may be too slow for a row's time; on its own it must end.
            if verdict == "FAILED" and "no end:" in detail:
                print(f"again    {label:8} {seconds:5.1f} s  {row.name}: {detail}", flush=True)
                verdict, detail, seconds = attempt(make_case, number, row)
            known = next((pattern for pattern in not_yet if re.search(pattern, row.name)), None)
            if known and verdict == "FAILED":
                stale.discard(known)
                verdict, detail = "not yet", not_yet[known]
            counts[verdict] += 1
            print(f"{verdict:8} {label:8} {seconds:5.1f} s  {row.name}{': ' + detail if detail else ''}", flush=True)
    for pattern in stale:
        counts["FAILED"] += 1
        print(f"FAILED   {label}: nothing that {pattern!r} excuses fails: take it off the list NOT_YET")
    print(f"-- {label}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()), flush=True)
    return counts["FAILED"]


def until(what, wanted, seconds=15):
    """Calls WHAT until it gives WANTED (a value, or a pattern in a string)."""
    deadline = time.monotonic() + seconds
    while True:
        seen = what()
        if seen == wanted or (isinstance(seen, str) and isinstance(wanted, str) and re.search(wanted, seen)):
            return seen
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {wanted!r}; last: {seen!r}")
        time.sleep(0.1)


def equal(what, seen, wanted):
    if seen != wanted:
        raise Failed(f"{what}: {seen!r}, expected {wanted!r}")


def check(shown, done, code=0, out=None, err=None):
    """A finished process must have exited with CODE (or one of several); OUT and ERR are searched for. Its stdout."""
    shown = f"{shown}\n    exit {done.returncode}\n    out: {done.stdout[-600:]!r}\n    err: {done.stderr[-900:]!r}"
    if done.returncode not in (code if isinstance(code, tuple) else (code,)):
        raise Failed(f"expected exit {code}: {shown}")
    for what, pattern, text in (("out", out, done.stdout), ("err", err, done.stderr)):
        if pattern is not None and not re.search(pattern, text, re.MULTILINE):
            raise Failed(f"{what} has no match of {pattern!r}: {shown}")
    return done.stdout.rstrip("\n")
