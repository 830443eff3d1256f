// The same image through umoci and through us gives the same tree; and the forms skopeo makes of it (OCI archive,
// docker archive, zstd layers) give the same tree again.
#include "scratch.h"

namespace {

// Three layers with what layers have: replaced files, whiteouts, an opaque directory, hard links within and across
// layers, symlinked parents, long names, owners, modes, odd times.
const char* const script = R"(
import sys; sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from tarbytes import *
from layout import *
long = '/'.join(['n' * 90] * 3)
one = (directory('./') + directory('etc') + member('etc/passwd', b'root:x:0:0::/root:/bin/sh\n') + member('etc/motd', b'hello') +
       directory('usr') + directory('usr/bin', mode=0o775, uid=3, gid=4) + member('usr/bin/tool', b'#!' * 9000, mode=0o755) +
       hardlink('usr/bin/alias', 'usr/bin/tool') + symlink('bin', 'usr/bin') + directory('run') + directory('var') +
       symlink('var/run', '/run') + directory('doc') + member('doc/a', b'a') + member('doc/b', b'b') +
       pax([('path', long), ('mtime', '1600000000.25')]) + member('x', b'long') + directory('tmp', mode=0o1777) +
       header('fifo', kind='6', mode=0o622) + directory('gone') + member('gone/x', b'x') + directory('closed', mode=0) + member('closed/in', b'in', mode=0o400, uid=7))
two = (directory('etc') + member('etc/.wh.motd') + member('etc/hosts', b'127.0.0.1 localhost\n', mtime=1650000000) +
       directory('doc', mtime=1660000000) + member('doc/.wh..wh..opq') + member('doc/c', b'c') + member('.wh.gone') +
       hardlink('tool2', 'usr/bin/tool') + member('var/run/pid', b'1') + symlink('etc/passwd-', 'passwd'))
three = directory('usr') + directory('usr/bin', mode=0o755) + member('usr/bin/tool', b'new', mode=0o750, uid=1001, gid=1001) + directory('etc') + directory('etc/hosts')
layout = Layout('layout')
layers = [layout.layer(one + END, '+gzip'), layout.layer(two + END, '+gzip'), layout.layer(three + END, '+gzip')]
layout.finish([layout.image(layers, config={'Cmd': ['/x'], 'User': '1001'})])
)";

void need(const test::Scratch& scratch, const std::vector<std::string>& argv) {
    const test::Ran ran = scratch.run(argv);
    INFO(argv[0]);
    INFO(ran.err);
    REQUIRE(ran.exit == 0);
}

std::string unpacked(const test::Scratch& scratch, const std::string& source, const std::string& name) {
    need(scratch, {test::unpack_program, source, scratch / name});
    return test::listing(scratch, scratch / (name + "/rootfs"));
}

}  // namespace

TEST_CASE("differential: umoci and we give the same tree") {
    if (::geteuid() != 0) return;
    const test::Scratch scratch;
    need(scratch, {"python3", "-c", script, test::image_data});
    need(scratch, {"umoci", "unpack", "--image", "layout:test", "umoci"});
    need(scratch, {test::unpack_program, "layout:test", "ours"});
    // Not compared: times of directories (umoci leaves some at the time of unpacking) and of links.
    const char* const format = "%P %y %m %U:%G %s %l\\n";
    const auto of_files = [&](const std::string& root) {
        return scratch
            .run({"sh", "-c", "cd \"$1\" && find . ! -type d -printf '%P %y %m %U:%G %n %T@ %s %l\\n' | LC_ALL=C sort",
                  "x", root})
            .out;
    };
    const std::string ours = scratch / "ours/rootfs", theirs = scratch / "umoci/rootfs";
    CHECK(of_files(ours) == of_files(theirs));
    const auto directories = [&](const std::string& root) {
        return scratch
            .run({"sh", "-c", "cd \"$1\" && find . -type d -printf '%P %m %U:%G\\n' | LC_ALL=C sort", "x", root})
            .out;
    };
    CHECK(directories(ours) == directories(theirs));
    CHECK(test::listing(scratch, ours, format).size() > 500);
}

TEST_CASE("differential: every form that skopeo makes of an image gives the same tree") {
    if (::geteuid() != 0) return;
    const test::Scratch scratch;
    need(scratch, {"python3", "-c", script, test::image_data});
    const std::string expected = unpacked(scratch, "layout:test", "direct");
    CHECK(expected.size() > 500);
    const auto copy = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"skopeo", "copy", "-q", "--insecure-policy"});
        need(scratch, words);
    };
    copy({"oci:layout:test", "oci-archive:oci.tar:test"});
    copy({"oci:layout:test", "docker-archive:docker.tar:app:latest"});
    copy({"--dest-compress-format", "zstd", "--dest-compress", "oci:layout:test", "oci:zstd:test"});
    need(scratch, {"sh", "-c", "gzip -k oci.tar && zstd -q docker.tar"});
    CHECK(unpacked(scratch, "oci.tar", "a") == expected);
    CHECK(unpacked(scratch, "oci.tar.gz:test", "b") == expected);
    CHECK(unpacked(scratch, "docker.tar", "c") == expected);
    CHECK(unpacked(scratch, "docker.tar.zst", "d") == expected);
    CHECK(unpacked(scratch, "zstd:test", "e") == expected);
}

TEST_CASE("image.json says what was unpacked and what the process is to be") {
    const test::Scratch scratch;
    need(scratch, {"python3", "-c", script, test::image_data});
    need(scratch, {test::unpack_program, "layout:test", "ours"});
    const std::string text = test::slurp(scratch / "ours/image.json");
    for (const char* part : {"\"schemaVersion\": 1", "\"manifestDigest\": \"sha256:", "\"uid\": 1001", "\"gid\": 0",
                             "\"userGiven\": true", "\"groupDefaulted\": true", "\"cwd\": \"/\"", "\"whiteouts\": 3"})
        CHECK_MESSAGE(text.find(part) != std::string::npos, part);
    struct stat status {};
    REQUIRE(::stat((scratch / "ours").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);  // SECURITY 3.L: set-id files of an image are for nobody on the host
}
