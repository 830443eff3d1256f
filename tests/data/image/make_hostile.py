#!/usr/bin/env python3
"""make_hostile.py OUT CANARY [WITHOUT ...]: writes hostile and merely odd images below OUT, and OUT/cases.json, which says of
each what casemate-unpack must do. CANARY is a directory that no image may touch; the traversal archives name it. WITHOUT
names groups to leave out: the bombs take most of the time.

A case: {"name", "source", "args": [...], "exit": 0|125, "says": [text that stderr must have],
         "present": [...], "absent": [...], "content": {path: text}, "type": {path: "f|d|l|p"}, "mode": {path: "0755"}}
"""
import gzip
import json
import os
import sys
import zlib

from layout import ARCH, CONFIG, INDEX, LAYER, Layout, archive_of, docker_archive, dump, sha
from tarbytes import END, directory, hardlink, header, longname, member, padded, pax, record, symlink

OUT, CANARY = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CASES = []


def case(name, source, exit=0, says=(), **checks):
    CASES.append({"name": name, "source": source, "args": [], "exit": exit, "says": list(says), **checks})


def layers(name, *tars, codec="+gzip", raw=False, **knobs):
    """A layout whose layers are these tars; END is added unless raw."""
    layout = Layout(f"{OUT}/{name}")
    made = [layout.layer(tar if raw else tar + END, codec) for tar in tars]
    return layout.finish([layout.image(made, **knobs)])


def refused(name, tar, *says, raw=False, **more):
    case(name, layers(name, *(tar if isinstance(tar, list) else [tar]), raw=raw), 125, says, **more)


def accepted(name, tar, **checks):
    case(name, layers(name, *(tar if isinstance(tar, list) else [tar])), **checks)


def traversal():
    up = "../" * 12
    refused("dotdot", member(up + CANARY[1:] + "/new", b"x"), "'..' in the name")
    refused("dotdot_middle", directory("a") + member("a/../../x", b"x"), "'..' in the name")
    accepted("absolute_name", member(CANARY + "/file", b"evil"), content={CANARY[1:] + "/file": "evil"})
    accepted("symlink_parent_absolute", symlink("out", CANARY) + directory(CANARY[1:]) + member("out/file", b"evil"),
             content={CANARY[1:] + "/file": "evil"}, type={"out": "l"})
    refused("symlink_parent_dangling", symlink("out", CANARY) + member("out/file", b"evil"), "leads nowhere")
    accepted("symlink_parent_relative", directory("d") + symlink("d/up", up) + member("d/up/file", b"x"),
             content={"file": "x"})
    # CVE-2026-17106: two hops that look harmless one by one.
    accepted("link_chain", directory("a") + directory("a/b") + directory("a/b/c") + symlink("a/b/c/up", "../..") +
             symlink("a/b/x", "c/up/../..") + member("a/b/x/evil", b"x"), content={"evil": "x"})
    # CVE-2021-32760: chmod through a link. The directory entry replaces the link.
    accepted("chmod_through_symlink", symlink("d", CANARY) + directory("d", mode=0o777), type={"d": "d"}, mode={"d": "0777"})
    accepted("write_through_symlink", symlink("f", CANARY + "/file") + member("f", b"evil"), type={"f": "f"},
             content={"f": "evil"})
    accepted("write_through_hardlink", member("a", b"one") + hardlink("b", "a") + member("b", b"two"),
             content={"a": "one", "b": "two"})
    refused("hardlink_outside", hardlink("stolen", CANARY + "/file"), "No such file")
    refused("hardlink_dotdot", hardlink("stolen", up + CANARY[1:] + "/file"), "'..' in the name")
    refused("hardlink_through_symlink", symlink("out", CANARY) + hardlink("stolen", "out/file"), "No such file")
    refused("hardlink_to_symlink", symlink("s", CANARY + "/file") + hardlink("h", "s"), "not a regular file")
    refused("hardlink_to_directory", directory("d") + hardlink("h", "d"), "not a regular file")
    refused("hardlink_to_root", hardlink("h", "/"), "not a regular file")
    refused("hardlink_to_cwd_file", hardlink("h", "cwd-secret"), "no such file")  # CVE-2026-50163
    accepted("hardlink_absolute", member("etc/a", b"x") + hardlink("b", "/etc/a"), content={"b": "x"})
    accepted("hardlink_through_absolute_symlink", directory("run") + directory("var") + symlink("var/run", "/run") +
             member("run/f", b"x") + hardlink("g", "var/run/f") + member("var/run/h", b"y"),
             content={"g": "x", "run/h": "y"})
    accepted("hardlink_other_layer", [member("a", b"x"), hardlink("b", "a")], content={"b": "x"})
    refused("sibling_prefix", member("../rootfs-evil/x", b"x"), "'..' in the name")
    refused("symlink_loop", symlink("l", "l") + member("l/x", b"x"), "ELOOP")


def roots():
    for number, name in enumerate([".", "/", "./", "//", "./."]):
        refused(f"root_as_symlink_{number}", symlink(name, CANARY), "the root directory would become something else")
    refused("root_as_file", member(".", b"x"), "the root directory would become something else")
    refused("root_as_hardlink", member("a", b"x") + hardlink(".", "a"), "the root directory would become something else")
    refused("root_by_dotdot", directory("a") + symlink("a/..", CANARY), "'..' in the name")
    refused("root_as_fifo", header("/", kind="6"), "the root directory would become something else")
    accepted("root_as_directory", directory("./", mode=0o750), mode={"": "0750"})


def whiteouts():
    base = directory("d") + member("d/a", b"a") + member("d/b", b"b") + directory("d/s") + member("d/s/x", b"x")
    accepted("whiteout_file", [base, member("d/.wh.a")], absent=["d/a", "d/.wh.a"], present=["d/b"])
    accepted("whiteout_directory", [base, member(".wh.d")], absent=["d"])
    accepted("whiteout_missing", [base, member("d/.wh.zzz") + member("no/.wh.x")], present=["d/a"], absent=["no"])
    accepted("whiteout_opaque", [base, directory("d") + member("d/.wh..wh..opq") + member("d/n", b"n")],
             absent=["d/a", "d/s", "d/.wh..wh..opq"], content={"d/n": "n"})
    accepted("whiteout_opaque_last", [base, member("d/n", b"n") + directory("d/s") + member("d/s/y", b"y") + member("d/.wh..wh..opq")],
             absent=["d/a", "d/s/x"], content={"d/n": "n", "d/s/y": "y"})
    accepted("whiteout_spares_its_layer", [base, member("d/a", b"new") + member("d/.wh.a")], content={"d/a": "new"})
    accepted("whiteout_spares_new_children", [base, member("d/n", b"n") + member(".wh.d")], content={"d/n": "n"},
             absent=["d/a", "d/s"])
    accepted("whiteout_in_first_layer", member("a", b"a") + member(".wh.a") + member(".wh..wh..opq"), content={"a": "a"})
    accepted("whiteout_then_recreate", [base, member(".wh.d") + directory("d") + member("d/n", b"n")],
             content={"d/n": "n"}, absent=["d/a"])
    accepted("whiteout_not_through_symlink", [directory("t") + member("t/keep", b"k") + symlink("l", "t"), member(".wh.l")],
             absent=["l"], content={"t/keep": "k"})
    accepted("whiteout_symlink_to_canary", [symlink("l", CANARY), member(".wh.l")], absent=["l"])
    accepted("opaque_root", [base, member(".wh..wh..opq") + member("n", b"n")], absent=["d"], content={"n": "n"})
    accepted("whiteout_alias", [directory("run") + member("run/f", b"f") + symlink("r", "/run"), member("r/n", b"n") + member("run/.wh.n")],
             content={"run/n": "n", "run/f": "f"})
    for number, tail in enumerate(["", ".", ".."]):
        refused(f"whiteout_bad_{number}", member("d/.wh." + tail), "a whiteout of")
    refused("whiteout_reserved", member(".wh..wh.plnk"), "a reserved whiteout name")
    refused("whiteout_with_content", member(".wh.a", b"x"), "a whiteout that is no empty file")
    refused("whiteout_as_directory", directory(".wh.a"), "a whiteout that is no empty file")
    refused("whiteout_as_parent", member(".wh.a/b", b""), "named like a whiteout")


def replacing():
    tree = directory("d") + member("d/x", b"x")
    accepted("file_over_directory", [tree, member("d", b"f")], content={"d": "f"})
    accepted("directory_over_file", [member("d", b"f"), directory("d") + member("d/y", b"y")], content={"d/y": "y"})
    accepted("directory_over_directory", [tree, directory("d", mode=0o700)], content={"d/x": "x"}, mode={"d": "0700"})
    accepted("symlink_over_directory", [tree, symlink("d", CANARY)], type={"d": "l"})
    accepted("directory_over_symlink", [directory("t") + symlink("d", "t"), directory("d") + member("d/n", b"n")],
             type={"d": "d"}, absent=["t/n"], content={"d/n": "n"})
    refused("file_as_parent", member("f", b"x") + member("f/y", b"y"), "ENOTDIR")
    accepted("missing_parents", member("a/b/c", b"x"), content={"a/b/c": "x"}, mode={"a": "0755", "a/b": "0755"})
    accepted("read_only_directory", directory("d", mode=0o500) + member("d/x", b"x") + directory("d/e", mode=0) +
             member("d/e/y", b"y"), mode={"d": "0500"})


def special_files():
    accepted("device_skipped", header("dev/mem", kind="3", major=1, minor=1) + header("dev/sda", kind="4", major=8),
             absent=["dev/mem", "dev/sda"])
    source = layers("device_refused", header("mem", kind="3", major=1, minor=1))
    CASES.append({"name": "device_refused", "source": source, "args": ["--devices", "refuse"], "exit": 125, "says": ["a device node"]})
    refused("overlay_whiteout", header("a", kind="3", major=0, minor=0), "overlayfs's whiteout")
    accepted("fifo", header("f", kind="6", mode=0o640), type={"f": "p"}, mode={"f": "0640"})
    for args, mode in (([], "0755"), (["--setid", "keep"], "6755"), (["--setid", "ignore"], "6755")):
        name = "setid_" + (args[1] if args else "default")
        source = layers(name, member("su", b"x", mode=0o6755) + directory("g", mode=0o2775))
        CASES.append({"name": name, "source": source, "args": args, "exit": 0, "says": [], "mode": {"su": mode, "g": "2775"}})
    caps = bytes.fromhex("0100000200200000000000000000000000000000")
    accepted("xattrs", pax([("SCHILY.xattr.user.note", b"a\nb\0c"), ("SCHILY.xattr.user.overlay.opaque", "y"),
                            ("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.security.selinux", "x"),
                            ("SCHILY.xattr.security.capability", caps), ("SCHILY.xattr.system.posix_acl_access", "z")]) +
             member("f", b"x"), xattrs={"f": ["user.note"]})
    source = layers("file_caps_keep", pax([("SCHILY.xattr.security.capability", caps)]) + member("f", b"x"))
    CASES.append({"name": "file_caps_keep", "source": source, "args": ["--setid", "keep"], "exit": 0, "says": [],
                  "xattrs": {"f": ["security.capability"]}, "root": True})
    refused("xattr_bomb", pax([(f"SCHILY.xattr.user.x{i}", b"v" * 1000) for i in range(100)]) + member("f", b"x"),
            "bytes of extended attributes")


def grammar():
    body = b"A" * 512
    refused("bad_checksum", header("f", fields={}).replace(b"ustar", b"uSTar"), "checksum")
    refused("v7", header("f", magic=b"\0" * 8), "neither ustar nor GNU")
    refused("no_tar", b"hello world " * 100, "checksum")
    refused("negative_size", header("f", size_field=b"\xff" * 12), "negative")
    refused("huge_size", header("f", size_field=b"\x80\0\0\0\x7f" + b"\xff" * 7), "truncated")
    refused("size_not_octal", header("f", size_field=b"00000000009\0"), "no number")
    refused("truncated_header", member("f", b"x") + b"x" * 100, "truncated", raw=True)
    refused("truncated_content", header("f", size=5000) + body, "truncated", raw=True)
    refused("no_end", member("f", b"x"), "truncated", raw=True)
    refused("one_end_block", member("f", b"x") + b"\0" * 512, "truncated", raw=True)
    refused("data_after_end", member("f", b"x") + END + member("g", b"y") + END, "data after the end", raw=True)
    refused("entry_after_zero_block", b"\0" * 512 + member("g", b"y"), "an entry after the end mark")
    refused("trailing_slash_file", member("f/", b"x"), "ends in a slash")
    refused("empty_name", member("", b"x"), "without a name")
    refused("directory_with_content", header("d", kind="5", size=512) + body, "content where only a file has any")
    refused("symlink_with_content", header("s", kind="2", link="x", size=512) + body, "content where only a file has any")
    refused("link_without_target", symlink("s", ""), "without a target")
    refused("sparse_gnu", header("s", kind="S", magic=b"ustar  \0"), "sparse")
    refused("sparse_pax", pax([("GNU.sparse.major", "1")]) + member("s", b""), "sparse")
    refused("sparse_map_bomb", pax([("GNU.sparse.numblocks", "1000000000")]) + member("s", b""), "sparse")
    refused("unknown_type", header("s", kind="Q"), "unknown entry type")
    # CVE-2025-62518: the PAX size hides a header in what the other size calls content.
    inner = member("smuggled", b"")
    refused("pax_size_smuggles", pax([("size", "0")]) + header("f", size=len(inner)) + inner, "differ")
    refused("pax_size_swallows", pax([("size", str(len(inner)))]) + header("f", size=0) + inner, "differ")
    refused("pax_before_longname", pax([("size", "512")]) + longname("x" * 200) + member("f", b""), "two extension headers")
    refused("longname_before_pax", longname("x" * 200) + pax([("path", "g")]) + member("f", b""), "two extension headers")
    refused("two_pax", pax([("path", "a")]) + pax([("path", "b")]) + member("f", b""), "two extension headers")
    refused("two_longnames", longname("a") + longname("b") + member("f", b""), "two extension headers")
    refused("pax_before_end", pax([("path", "a")]), "before the end")
    refused("global_path", pax([("path", "a")], kind="g") + member("f", b""), "only comments")
    accepted("global_comment", pax([("comment", "x" * 40)], kind="g") + member("f", b"x"), content={"f": "x"})
    refused("pax_twice", pax([("path", "a"), ("path", "b")]) + member("f", b""), "given twice")
    refused("pax_wrong_length", pax(b"99 path=a\n") + member("f", b""), "wrong length")
    refused("pax_zero_padded", pax(b"010 path=a\n") + member("f", b""), "without a length")
    refused("pax_no_equals", pax(b"9 pathab\n") + member("f", b""), "KEY=VALUE")
    refused("pax_empty_path", pax([("path", "")]) + member("f", b""), "an empty path")
    refused("pax_nul_path", pax([("path", b"a\0b")]) + member("f", b""), "a NUL in path")
    refused("pax_size_negative", pax([("size", "-1")]) + member("f", b""), "not a number")
    refused("pax_size_hex", pax([("size", "0x1")]) + member("f", b""), "not a number")
    refused("pax_uid_huge", pax([("uid", "4294967295")]) + member("f", b""), "an owner above")
    refused("pax_uid_wraps", pax([("uid", "4294967296")]) + member("f", b""), "an owner above")
    refused("pax_unknown_key", pax([("pathh", "x")]) + member("f", b""), "unknown key")
    refused("pax_dotdot", pax([("path", "../x")]) + member("f", b""), "'..' in the name")
    refused("pax_bomb", pax([("comment", "x" * (2 << 20))]) + member("f", b""), "an extension header of")
    refused("longname_bomb", header("././@LongLink", kind="L", size=1 << 32, magic=b"ustar  \0"), "an extension header of")
    refused("longname_nul", header("././@LongLink", kind="L", size=4, magic=b"ustar  \0") + padded(b"a\0b\0") + member("f", b""), "a NUL")
    long = "/".join(["d" * 60] * 4) + "/" + "f" * 200
    accepted("long_names", pax([("path", long + "pax")]) + member("f", b"p") + longname(long + "gnu") +
             member("f", b"g", magic=b"ustar  \0") + member("f", b"u", prefix="p" * 120),
             content={long + "pax": "p", long + "gnu": "g", "p" * 120 + "/f": "u"})
    accepted("numeric_name", pax([("path", "123")]) + member("f", b"x"), content={"123": "x"})
    accepted("odd_names", member("a\nb", b"1") + member("\x1b[31m", b"2") + pax([("path", b"\xff\xfe")]) + member("f", b"3"),
             content={"a\nb": "1", "\x1b[31m": "2"})
    accepted("times", pax([("mtime", "-1.5")]) + member("f", b"x") + pax([("mtime", "1700000000.123456789123")]) + member("g", b"x"),
             present=["f", "g"])
    refused("time_wrong", pax([("mtime", "1e9")]) + member("f", b""), "not a time")
    refused("deep", pax([("path", "/".join("d" * 200))]) + member("f", b""), "deeper than")
    refused("long_component", pax([("path", "n" * 256)]) + member("f", b""), "more than 255")
    refused("long_path", pax([("path", "/".join(["n" * 250] * 17))]) + member("f", b""), "more than 4095")
    refused("long_symlink", pax([("linkpath", "n" * 5000)]) + symlink("s", "x"), "symlink's text")


def bombs():
    big = (b"\0" * (1 << 20))
    chunk = header("f", size_field=b"\x80\0\0\0\0\0\0\x20" + b"\0" * 4)  # 128 GiB
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packer.compress(chunk) + b"".join(packer.compress(big) for _ in range(400)) + packer.flush()
    layout = Layout(f"{OUT}/gzip_bomb")
    layer = {"mediaType": LAYER + "+gzip", **layout.blob(data), "diff": sha(b"")}
    case("gzip_bomb", layout.finish([layout.image([layer])]), 125, ["decompression bomb"])
    tar = member("f", big * 300) + END
    layout = Layout(f"{OUT}/zstd_bomb")
    case("zstd_bomb", layout.finish([layout.image([layout.layer(tar, "+zstd")])]), 125, ["decompression bomb"])
    # A frame header that asks for a window of 2 GiB.
    layout = Layout(f"{OUT}/zstd_window")
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(31 - 10) << 3]) + b"\x01\0\0"
    layer = {"mediaType": LAYER + "+zstd", **layout.blob(frame), "diff": sha(b"")}
    case("zstd_window", layout.finish([layout.image([layer])]), 125, ["zstd: "])
    source = layers("max_size", member("f", big * 3))
    CASES.append({"name": "max_size", "source": source, "args": ["--max-size", "1000000"], "exit": 125, "says": ["more than 1000000 bytes"]})
    source = layers("max_entries", b"".join(directory(f"d{i}") for i in range(50)))
    CASES.append({"name": "max_entries", "source": source, "args": ["--max-entries", "20"], "exit": 125, "says": ["more than 20 entries"]})


def codecs():
    tar = member("f", b"content " * 5000) + END
    for name, codec in (("plain", ""), ("gzip", "+gzip"), ("zstd", "+zstd")):
        layout = Layout(f"{OUT}/codec_{name}")
        case(f"codec_{name}", layout.finish([layout.image([layout.layer(tar, codec)])]), present=["f"])

    def blob(name, media, data, *says, exit=125, **checks):
        layout = Layout(f"{OUT}/{name}")
        layer = {"mediaType": LAYER + media, **layout.blob(data), "diff": sha(tar)}
        case(name, layout.finish([layout.image([layer])]), exit, says, **checks)

    packed = gzip.compress(tar, mtime=0)
    members = b"".join(gzip.compress(tar[i:i + 701], mtime=0) for i in range(0, len(tar), 701))
    blob("gzip_members", "+gzip", members, exit=0, present=["f"])
    blob("gzip_truncated", "+gzip", packed[:len(packed) // 2], "truncated")
    blob("gzip_garbage", "+gzip", packed[:12] + b"\xff" * 200, "gzip: ")
    blob("gzip_trailing", "+gzip", packed + b"trailing", "gzip: ")
    blob("gzip_wrong_crc", "+gzip", packed[:-8] + b"\0\0\0\0" + packed[-4:], "gzip: ")
    from layout import zstd
    packed = zstd(tar)
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    blob("zstd_skippable", "+zstd", skippable + packed + skippable, exit=0, present=["f"])
    blob("zstd_truncated", "+zstd", packed[:len(packed) // 2], "truncated")
    blob("zstd_garbage", "+zstd", packed[:8] + b"\xff" * 200, "zstd: ")
    blob("zstd_trailing", "+zstd", packed + b"trailing", "zstd: ")
    blob("media_type_lies", "+gzip", tar, "its media type says gzip, its content is plain tar")
    blob("media_type_lies_too", "", gzip.compress(tar), "its media type says plain tar, its content is gzip")
    blob("xz", "", b"\xfd7zXZ\0" + b"\0" * 100, "compressed with xz")
    blob("unknown_media_type", "+rot13", tar, "rot13")


def digests():
    tar = member("f", b"x") + END

    def tampered(name, *says, change=None, **knobs):
        layout = Layout(f"{OUT}/{name}")
        layer = layout.layer(tar, "+gzip", knobs.pop("diff_id", None))
        source = layout.finish([layout.image([layer], **knobs)])
        if change:
            change(layout, layer)
        case(name, source, 125, says)

    def flip(layout, layer):
        data = bytearray(open(layout.blob_path(layer), "rb").read())
        data[4] ^= 1  # the time in the gzip header: the content stays the same
        open(layout.blob_path(layer), "wb").write(data)

    def damage(layout, layer):
        data = bytearray(open(layout.blob_path(layer), "rb").read())
        data[30] ^= 0xff
        open(layout.blob_path(layer), "wb").write(data)

    def cut(layout, layer):
        data = open(layout.blob_path(layer), "rb").read()
        open(layout.blob_path(layer), "wb").write(data[:-10])

    def replace(make):
        def change(layout, layer):
            path = layout.blob_path(layer)
            os.rename(path, path + ".real")
            make(path)
        return change

    tampered("blob_flipped", "layer 1", "digest mismatch", change=flip)
    tampered("blob_damaged", "layer 1", "digest mismatch", change=damage)
    tampered("blob_truncated", "layer 1", "its descriptor says", change=cut)
    tampered("blob_missing", "is missing", change=lambda l, d: os.unlink(l.blob_path(d)))
    tampered("blob_symlink", "symlink", change=replace(lambda p: os.symlink(CANARY + "/file", p)))
    tampered("blob_symlink_inside", "symlink", change=replace(lambda p: os.symlink(os.path.basename(p) + ".real", p)))
    tampered("blob_fifo", "not a regular file", change=replace(os.mkfifo))
    tampered("blob_directory", "not a regular file", change=replace(os.mkdir))
    tampered("diff_id", "diff id", "digest mismatch", diff_id=sha(b"other"))
    for name, size in (("size_negative", -1), ("size_zero", 0), ("size_huge", (1 << 63) - 1), ("size_float", 1.5),
                       ("size_text", "10")):
        tampered("descriptor_" + name, "size" if size not in (0, (1 << 63) - 1) else "its descriptor says",
                 manifest_hook=lambda m, s=size: m["layers"][0].update(size=s))
    for number, digest in enumerate(["sha256:../../../x", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:/etc/passwd",
                                     "", "md5:" + "a" * 32, "sha256:" + "a" * 64 + "/.."]):
        tampered(f"descriptor_digest_{number}", "digest", manifest_hook=lambda m, d=digest: m["layers"][0].update(digest=d))
    tampered("manifest_and_index", "manifest", manifest_hook=lambda m: m.update(manifests=[]))
    tampered("diff_ids_missing", "diff", config_hook=lambda c: c["rootfs"].update(diff_ids=[]))
    tampered("wrong_architecture", "the image is for linux/s390x", architecture="s390x")
    tampered("wrong_os", "windows", os="windows")
    tampered("config_media_type", "not an image", manifest_hook=lambda m: m["config"].update(mediaType="application/x"))

    def manifest_changed(layout, layer):
        index = json.load(open(layout.path + "/index.json"))
        path = layout.blob_path(index["manifests"][0])
        data = open(path, "rb").read()
        open(path, "wb").write(data.replace(b"schemaVersion", b"schemaversion"))
    tampered("manifest_changed", "manifest", "digest mismatch", change=manifest_changed)
    tampered("layout_blobs_symlink", "symlink", change=lambda l, d: (os.rename(l.path + "/blobs", l.path + "/real"),
                                                                     os.symlink("real", l.path + "/blobs")))
    tampered("index_symlink", "symlink", change=lambda l, d: (os.rename(l.path + "/index.json", l.path + "/real"),
                                                              os.symlink("real", l.path + "/index.json")))
    tampered("index_duplicate_key", "given twice", change=lambda l, d: l.write(
        "index.json", b'{"schemaVersion":2,"schemaVersion":2,"manifests":[]}'))
    tampered("layout_version", "oci-layout", change=lambda l, d: l.write("oci-layout", {"imageLayoutVersion": "2.0.0"}))
    tampered("index_trailing_data", "index.json", change=lambda l, d: l.write(
        "index.json", open(l.path + "/index.json", "rb").read() + b"{}"))


def references():
    layout = Layout(f"{OUT}/references")
    one = layout.image([layout.layer(member("one", b"1") + END)], ref="one")
    two = layout.image([layout.layer(member("two", b"2") + END)], ref="host:5000/two:v1")
    path = layout.finish([one, two])
    case("reference_chosen", path + ":one", present=["one"])
    case("reference_with_colons", path + ":host:5000/two:v1", present=["two"])
    case("reference_missing", path + ":onne", 125, ["no image 'onne'", "did you mean 'one'", "available: host:5000/two:v1, one"])
    case("reference_ambiguous", path, 125, ["several images"])
    layout = Layout(f"{OUT}/nested")
    image = layout.image([layout.layer(member("f", b"x") + END)], ref="")
    other = layout.image([layout.layer(member("g", b"x") + END)], ref="", architecture="s390x")
    image["platform"] = {"os": "linux", "architecture": ARCH}
    other["platform"] = {"os": "linux", "architecture": "s390x"}
    inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, image]}
    outer = {"mediaType": INDEX, **layout.blob(dump(inner)), "annotations": {"org.opencontainers.image.ref.name": "multi"}}
    path = layout.finish([outer])
    case("nested_index", path + ":multi", present=["f"], absent=["g"])
    CASES.append({"name": "nested_platform", "source": path, "args": ["--platform", "linux/s390x"], "exit": 0, "says": [], "present": ["g"]})
    CASES.append({"name": "nested_no_platform", "source": path, "args": ["--platform", "linux/riscv64"], "exit": 125,
                  "says": ["no image for linux/riscv64", f"linux/{ARCH}"]})
    layout = Layout(f"{OUT}/nested_too_deep")
    level = layout.image([layout.layer(member("f", b"x") + END)], ref="")
    for _ in range(8):
        level = {"mediaType": INDEX, **layout.blob(dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [level]}))}
    case("nested_too_deep", layout.finish([level]), 125, ["nested too deep"])


def archives():
    tar, second = member("f", b"x") + END, member("g", b"y") + member(".wh.f") + END
    for mode in ("w", "w:gz"):
        suffix = mode.replace("w", "").replace(":", "_")
        path = docker_archive(f"{OUT}/docker{suffix}.tar", [tar, second], mode=mode)
        case("docker_archive" + suffix, path, present=["g"], absent=["f"])
    case("docker_archive_tag", docker_archive(f"{OUT}/docker_tag.tar", [tar]) + ":app:latest", present=["f"])
    case("docker_archive_no_tag", f"{OUT}/docker_tag.tar:other", 125, ["no image 'other'", "available: app:latest"])
    case("docker_archive_old", docker_archive(f"{OUT}/docker_old.tar", [tar, second], old=True), present=["g"], absent=["f"])
    case("docker_archive_diff_id", docker_archive(f"{OUT}/docker_diff.tar", [tar], config_hook=lambda c: c["rootfs"].update(
        diff_ids=[sha(b"")])), 125, ["diff id", "digest mismatch"])
    case("docker_archive_traversal", archive_of([("manifest.json", dump([{"Config": "../c", "RepoTags": None, "Layers": []}]))],
                                                f"{OUT}/docker_dotdot.tar"), 125, ["Config"])
    layout = Layout(f"{OUT}/for_archive")
    layout.finish([layout.image([layout.layer(tar)])])
    files = [(os.path.relpath(os.path.join(d, f), layout.path), open(os.path.join(d, f), "rb").read())
             for d, _, names in os.walk(layout.path) for f in names]
    case("oci_archive", archive_of(files, f"{OUT}/oci.tar"), present=["f"])
    case("oci_archive_gzip", archive_of(files, f"{OUT}/oci.tar.gz", "w:gz"), present=["f"])
    case("oci_archive_twice", archive_of([*files, ("index.json", b"{}")], f"{OUT}/oci_twice.tar"), 125, ["twice"])
    case("archive_empty", archive_of([("x", b"y")], f"{OUT}/empty.tar"), 125, ["neither an OCI layout nor a docker archive"])
    with open(f"{OUT}/garbage.tar", "wb") as file:
        file.write(b"not a tar archive at all" * 100)
    case("archive_garbage", f"{OUT}/garbage.tar", 125, ["checksum"])
    case("archive_device", "/dev/null", 125, ["neither a directory nor a regular file"])
    case("source_missing", f"{OUT}/nothing:x", 125, ["does not exist"])
    os.makedirs(f"{OUT}/empty_directory", exist_ok=True)
    case("layout_empty", f"{OUT}/empty_directory", 125, ["neither an OCI layout"])


def accounts():
    def image(name, wanted, *tars, **checks):
        source = layers(name, *tars, config={"Cmd": ["/x"], "User": wanted})
        CASES.append({"name": name, "source": source, "args": [], "exit": 0, "says": [], **checks})
    passwd = b"root:x:0:0::/root:/bin/sh\napp:x:1001:1002::/app:/bin/sh\n1000:x:0:0::/:/bin/sh\n"
    files = directory("etc") + member("etc/passwd", passwd) + member("etc/group", b"app:x:1002:\nextra:x:50:app\n")
    image("user_by_name", "app", files, user=[1001, 1002, [50]])
    image("user_number_is_no_name", "1000", files, user=[1000, 0, []])
    image("user_none", "", files, user=[0, 0, []])
    image("user_unknown", "ghost", files, user=None)
    image("passwd_symlink_outside", "app", directory("etc") + symlink("etc/passwd", CANARY + "/passwd"), user=None)
    image("passwd_symlink_inside", "app", files + symlink("etc/passwd", "../real") + member("real", b"app:x:7:8::/:/\n"),
          user=[7, 8, [50]])
    image("passwd_fifo", "app", directory("etc") + header("etc/passwd", kind="6"), user=None)
    image("passwd_directory", "app", directory("etc/passwd"), user=None)
    image("passwd_large", "app", directory("etc") + member("etc/passwd", b"x" * (2 << 20)), user=None)


def main():
    os.makedirs(OUT, exist_ok=True)
    for group in (traversal, roots, whiteouts, replacing, special_files, grammar, bombs, codecs, digests, references,
                  archives, accounts):
        if group.__name__ not in sys.argv[3:]:
            group()
    with open(f"{OUT}/cases.json", "w") as file:
        json.dump(CASES, file, indent=1)


main()
