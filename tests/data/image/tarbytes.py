"""Tar archives byte by byte: what tarfile refuses to write is what a reader must refuse to read."""


def header(name, kind="0", size=0, link="", mode=0o644, uid=0, gid=0, mtime=1700000000, magic=b"ustar\x0000",
           major=0, minor=0, prefix="", size_field=None, fields=None):
    """One header block. `size_field`: these 12 bytes instead; `fields`: {offset: bytes} written over the result."""
    def text(value, width):
        value = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        assert len(value) <= width, value
        return value.ljust(width, b"\0")

    def octal(value, width):
        return b"%0*o\0" % (width - 1, value)

    block = bytearray(
        text(name, 100) + octal(mode, 8) + octal(uid, 8) + octal(gid, 8) + (size_field or octal(size, 12)) +
        octal(mtime, 12) + b" " * 8 + kind.encode() + text(link, 100) + magic + text("", 32) + text("", 32) +
        octal(major, 8) + octal(minor, 8) + text(prefix, 155) + b"\0" * 12)
    for offset, value in (fields or {}).items():
        block[offset:offset + len(value)] = value
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    return bytes(block)


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def member(name, data=b"", **more):
    return header(name, size=len(data), **more) + padded(data)


def directory(name, mode=0o755, **more):
    return header(name, kind="5", mode=mode, **more)


def symlink(name, target, **more):
    return header(name, kind="2", link=target, mode=0o777, **more)


def hardlink(name, target, **more):
    return header(name, kind="1", link=target, **more)


def record(key, value):
    body = b" " + key.encode() + b"=" + (value.encode() if isinstance(value, str) else value) + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, kind="x"):
    body = b"".join(record(k, v) for k, v in records) if not isinstance(records, bytes) else records
    return header("PaxHeaders/x", kind=kind, size=len(body)) + padded(body)


def longname(name, kind="L"):
    body = name.encode() + b"\0"
    return header("././@LongLink", kind=kind, size=len(body), magic=b"ustar  \0") + padded(body)


END = b"\0" * 1024
