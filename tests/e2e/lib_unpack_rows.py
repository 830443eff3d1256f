#!/usr/bin/env python3
"""One row of the catalogue of attacks on unpacking (what happened to others): lib_unpack_rows.py ROW, or --list.

Each row is a set of images of tests/data/image/make_hostile.py. casemate-unpack is given each of them, into a directory,
into the store, and into the store of a user without privilege: it ends as the corpus says, within its time and memory, and the canary directory that the images aim at
stays as it was. Then a naive unpacker (follows the documents, checks nothing, hands the layers to bsdtar -P) is given the
same: it must go wrong on at least one image of the row, or the row would prove nothing. Rows without a naive
counterpart say why.
"""
import ctypes
import gzip
import hashlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
USER = 47114  # whom no file gives any further id
ROWS = {
    "CVE-2014-6407 traversal": ["dotdot", "dotdot_middle", "absolute_name", "symlink_parent_absolute", "symlink_parent_dangling", "write_through_symlink"],
    "CVE-2021-29136 root replaced": ["root_as_symlink_0", "root_as_symlink_1", "root_as_symlink_2", "root_as_symlink_3", "root_as_symlink_4", "root_as_file",
                                     "root_as_hardlink", "root_by_dotdot", "root_as_fifo"],
    "CVE-2021-32760 chmod through a link": ["chmod_through_symlink"],
    "CVE-2025-47290 links swapped while unpacking": ["swapped"],
    "CVE-2026-17106 chains of links": ["link_chain", "symlink_loop", "sibling_prefix", "hardlink_through_symlink", "symlink_parent_relative"],
    "CVE-2026-50163 hard link to the working directory": ["hardlink_to_cwd_file"],
    "CVE-2026-11940 hard link to a symlink": ["hardlink_to_symlink", "hardlink_to_directory", "hardlink_to_root"],
    "GHSA-9rww-v4mm-x4jg hard link to a host file": ["hardlink_outside", "hardlink_absolute", "hardlink_dotdot"],
    "CVE-2025-62518 entries smuggled by PAX": ["pax_size_smuggles", "pax_size_swallows", "pax_before_longname", "longname_before_pax", "two_pax", "global_path", "pax_twice"],
    "CVE-2026-59871 numbers and names": ["numeric_name", "long_component", "long_path", "longname_nul", "pax_wrong_length", "pax_uid_huge", "pax_uid_wraps", "pax_size_negative"],
    "CVE-2025-58183 sparse maps": ["sparse_gnu", "sparse_pax", "sparse_map_bomb"],
    "CVE-2017-14992 bombs": ["gzip_bomb", "zstd_bomb", "zstd_window", "max_size", "max_entries", "pax_bomb", "longname_bomb", "xattr_bomb"],
    "CVE-2021-20291 broken streams": ["gzip_truncated", "gzip_garbage", "gzip_trailing", "gzip_wrong_crc", "zstd_truncated", "zstd_garbage", "zstd_trailing", "xz"],
    "CVE-2024-3727 digests as paths": ["descriptor_digest_0", "descriptor_digest_1", "descriptor_digest_2", "descriptor_digest_3", "descriptor_digest_4", "descriptor_digest_5",
                                       "descriptor_digest_6"],
    "CVE-2021-41190 one document, two meanings": ["manifest_and_index", "media_type_lies", "media_type_lies_too", "index_duplicate_key", "index_trailing_data", "config_media_type"],
    "GHSA-r3h2-rgqf-9hv9 blobs that are links": ["blob_symlink", "blob_symlink_inside", "layout_blobs_symlink", "index_symlink", "blob_fifo", "blob_directory"],
    "umoci 0.5.1 sizes": ["descriptor_size_negative", "descriptor_size_zero", "descriptor_size_huge", "descriptor_size_float", "negative_size", "huge_size"],
    "U5 U7 U8 U10 whiteouts, devices, attributes": ["whiteout_bad_0", "whiteout_bad_1", "whiteout_bad_2", "whiteout_symlink_to_canary", "whiteout_not_through_symlink",
                                                    "overlay_whiteout", "device_refused", "write_through_hardlink", "xattrs"],
    "U11 digests": ["blob_flipped", "blob_damaged", "blob_truncated", "diff_id", "manifest_changed", "blob_missing"],
    "CVE-2026-114236 descriptors run out": ["many_layers"],
}
NO_NAIVE = {
    "CVE-2021-29136 root replaced": "bsdtar fails as well",
    "CVE-2025-62518 entries smuggled by PAX": "the row is about readers that disagree; bsdtar refuses or overlooks the same",
    "CVE-2021-32760 chmod through a link": "bsdtar unlinks what is in the way",
    "CVE-2026-50163 hard link to the working directory": "bsdtar resolves the target in the directory that it unpacks into",
    "CVE-2024-3727 digests as paths": "the files that such a path names are not there",
    "CVE-2017-14992 bombs": "a naive unpacker would fill this machine",
    "CVE-2021-20291 broken streams": "bsdtar notices too; the row is about ending in time",
    "CVE-2026-59871 numbers and names": "the row is about crashes, and bsdtar has none",
    "CVE-2026-114236 descriptors run out": "a process a layer: there is nothing to leak into",
    "CVE-2025-58183 sparse maps": "bsdtar bounds them",
}
BROKEN_STREAM_SECONDS = 1


def listing(directory):
    """Everything about the canary that an archive might change."""
    lines = []
    for where, directories, files in sorted(os.walk(directory)):
        for path in [where] + [os.path.join(where, name) for name in sorted(files + directories)]:
            status = os.lstat(path)
            content = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() if os.path.isfile(path) and not os.path.islink(path) else ""
            lines.append((path, status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size, status.st_mtime_ns, content))
    return lines


def naive(source, out):
    """Whether the naive unpacker is content with the image."""
    layout = pathlib.Path(source.rsplit(":", 1)[0] if not os.path.exists(source) else source)
    try:
        def blob(descriptor):
            return (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()

        if any(path.is_fifo() for path in layout.rglob("*")):
            return True  # it would wait for ever
        manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]))
        for layer in manifest["layers"]:
            data = blob(layer)
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            if len(data) > 64 << 20:
                return True
            if subprocess.run(["bsdtar", "-xPf", "-", "-C", out], input=data, stderr=subprocess.DEVNULL, cwd=os.path.dirname(out)).returncode:
                return False
        return True
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError):
        return False


def many_layers(work):
    """More layers than the descriptors that are allowed; the last one is broken."""
    sys.path.insert(0, str(SOURCE / "tests/data/image"))
    from layout import Layout
    from tarbytes import END, member
    layout = Layout(str(work / "many"))
    tars = [member(f"f{number}", b"x") + END for number in range(120)] + [b"broken" * 200]
    layout.finish([layout.image([layout.layer(tar) for tar in tars])])
    return {"name": "many_layers", "source": layout.path, "exit": 125, "says": ["layer 121 of 121"]}


def alternating(work):
    """Files of two directories in turns, so that each one's directory is looked up anew."""
    sys.path.insert(0, str(SOURCE / "tests/data/image"))
    from layout import Layout
    from tarbytes import END, directory, member
    layout = Layout(str(work / "alternating"))
    files = b"".join(member(f"{name}/f{number}", b"x") for number in range(6000) for name in ("swapped", "other"))
    layout.finish([layout.image([layout.layer(directory("swapped") + directory("other") + files + END)])])
    return {"name": "swapped", "source": layout.path, "exit": 0}


class Swapper(threading.Thread):
    """Exchanges the directory "swapped", wherever it appears below `base`, with a link to `aim`, and back, without pause."""

    def __init__(self, base, aim):
        super().__init__(daemon=True)
        self.base, self.aim, self.swaps, self.stopped = base, aim, 0, False
        self.libc = ctypes.CDLL(None)

    def find(self):
        for where, directories, _ in os.walk(self.base):
            if "swapped" in directories:
                return os.path.join(where, "swapped")
        return None

    def run(self):
        while not self.stopped:
            try:
                path = self.find()
                if path is None:
                    continue
                link = os.path.join(os.path.dirname(path), "zz-link")
                os.symlink(self.aim, link)
            except OSError:
                continue
            exchange = 2  # RENAME_EXCHANGE; -100 is AT_FDCWD
            while not self.stopped and self.libc.renameat2(-100, path.encode(), -100, link.encode(), exchange) == 0:
                self.swaps += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.join()


class Row:
    def __init__(self, name, work, unpack):
        self.name, self.work, self.wrong = name, work, []
        work.chmod(0o755)
        self.unpack = pathlib.Path(shutil.copy(unpack, work))  # where every user may run it
        self.canary = work / "canary"
        self.make_canary()
        (work / "cwd-secret").write_text("secret\n")
        without = [] if "bombs" in name else ["bombs"]
        subprocess.run([sys.executable, "-B", SOURCE / "tests/data/image/make_hostile.py", work / "images", self.canary, *without], check=True)
        self.cases = {case["name"]: case for case in json.loads((work / "images/cases.json").read_text())}

    def make_canary(self):
        self.canary.mkdir()
        (self.canary / "file").write_text("original\n")
        (self.canary / "passwd").write_text("app:x:0:0::/:/\n")
        for path in (self.canary, *self.canary.iterdir()):
            path.chmod(0o777)  # what stops the user is not its mode

    def check(self, good, what):
        if not good:
            self.wrong.append(what)

    def run(self, case, store, user=None):
        out = self.work / "out"
        out.mkdir(mode=0o700)
        who = {}
        if user:
            os.chown(out, user, user)
            who = {"user": user, "group": user, "extra_groups": []}
        target = ["--store", out / "store"] if store else []
        command = ["timeout", "30", self.unpack, "--progress", "never", *target, *case.get("args", []), case["source"]] + ([] if store else [out / "tree"])
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 400))) if case["name"] == "many_layers" else None
        started = time.monotonic()
        child = subprocess.Popen([str(word) for word in command], cwd=self.work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limit, **who)
        text = child.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        what = f"{case['name']}{' (store' if store else ''}{' of a user' if user else ''}{')' if store else ''}"
        if case["name"] == "swapped" and os.waitstatus_to_exitcode(status) == 125:
            case = {**case, "exit": 125}  # it may notice
        self.check(os.waitstatus_to_exitcode(status) == case["exit"], f"{what}: {os.waitstatus_to_exitcode(status)}, expected {case['exit']}: {text}")
        self.check(usage.ru_maxrss < 64 << 10, f"{what}: {usage.ru_maxrss} KiB")
        for said in case.get("says", []) if case["exit"] else []:
            self.check(said in text, f"{what}: {said!r} is not in {text!r}")
        if "streams" in self.name:
            self.check(seconds < BROKEN_STREAM_SECONDS + (os.getloadavg()[0] > 4) * 10, f"{what}: {seconds:.2f} s")
        if case["name"] == "swapped":
            pass  # whoever swaps plants links while it is removed
        elif case["exit"] and not store:
            self.check(not any(out.iterdir()), f"{what}: left {list(out.iterdir())}")
        elif case["exit"] and (out / "store").exists():
            left = [path for kind in ("layers", "images") for path in (out / "store" / kind).iterdir() if path.name.startswith(".")]
            self.check(not left, f"{what}: left {left}")
        while out.exists():  # a link may change places while it is removed
            shutil.rmtree(out, ignore_errors=True)

    def judge(self):
        before = listing(self.canary)
        cases = [self.cases[name] for name in ROWS[self.name] if name in self.cases]
        if ROWS[self.name] == ["many_layers"]:
            cases = [many_layers(self.work)]
        if ROWS[self.name] == ["swapped"]:
            return self.judge_swapped(alternating(self.work), before)
        self.check(len(cases) == len(ROWS[self.name]), "the corpus lacks a case")
        for case in cases:
            self.run(case, False)
            self.run(case, True)
            self.run(case, True, USER)
            self.check(listing(self.canary) == before, f"{case['name']}: the canary changed")
            self.check((self.work / "cwd-secret").stat().st_nlink == 1, f"{case['name']}: the working directory's file was linked")
        if self.name not in NO_NAIVE:
            self.check(any(self.naive_fails(case, before) for case in cases), "the naive unpacker does as well: the row proves nothing")

    def judge_swapped(self, case, before):
        for aim in (str(self.canary), "../" * 12 + str(self.canary).lstrip("/")):
            for store, user in ((False, None), (True, None), (True, USER)):
                with Swapper(self.work / "out", aim) as swapper:
                    self.run(case, store, user)
                self.check(swapper.swaps > 100, f"only {swapper.swaps} swaps: the row proves nothing")
                self.check(listing(self.canary) == before, "the canary changed")
        for _ in range(10):
            with Swapper(self.work / "naive", str(self.canary)):
                if self.naive_fails(case, before):
                    return
        self.check(False, "the naive unpacker was not caught once: the row proves nothing")

    def naive_fails(self, case, before):
        out = self.work / "naive"
        out.mkdir()
        content = naive(case["source"], str(out))
        changed = listing(self.canary) != before or os.path.islink(out) or (self.work / "cwd-secret").stat().st_nlink > 1
        escaped = (content and case["exit"] != 0) or changed
        shutil.rmtree(out, ignore_errors=True)
        if changed:
            shutil.rmtree(self.canary)
            self.make_canary()
        return escaped


def main():
    if sys.argv[1:] == ["--list"]:
        print(";".join(ROWS), end="")
        return
    if os.geteuid() != 0 or not shutil.which("bsdtar"):
        print("skipped: needs root and bsdtar")
        sys.exit(77)
    work = pathlib.Path(tempfile.mkdtemp(prefix="casemate-row-"))
    try:
        row = Row(sys.argv[1], work, pathlib.Path(os.environ["CASEMATE"]).with_name("casemate-unpack"))
        row.judge()
        for line in row.wrong:
            print("FAILED:", line)
        print(f"{row.name}: {len(ROWS[row.name])} images" + (f"; no naive unpacker: {NO_NAIVE[row.name]}" if row.name in NO_NAIVE else ""))
        sys.exit(1 if row.wrong else 0)
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
