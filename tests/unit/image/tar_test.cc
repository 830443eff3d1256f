// The tar reader without a file system: what it reads does not depend on how the bytes arrive, and bytes changed at
// random end in an error or an entry, never in anything else. (The grammar's refusals are the corpus's: hostile.cc.)
#include <algorithm>
#include <random>

#include "image/pax.h"
#include "image/tar.h"
#include "scratch.h"

using namespace casemate;
using namespace casemate::image;

namespace {

// Gives a text in pieces of 1 to `most` bytes.
class Pieces final : public Stream {
public:
    Pieces(std::string_view text, size_t most, uint32_t seed) : text_(text), most_(most), random_(seed) {}
    Result<std::span<const uint8_t>> next() override {
        const size_t take = std::min<size_t>(text_.size(), most_ == 0 ? text_.size() : 1 + random_() % most_);
        const std::span<const uint8_t> piece(reinterpret_cast<const uint8_t*>(text_.data()), take);
        text_.remove_prefix(take);
        return piece;
    }

private:
    std::string_view text_;
    size_t most_;
    std::mt19937 random_;
};

struct Seen {
    std::vector<std::string> lines;
    bool failed = false;
};

Seen read_all(std::string_view archive, size_t most, uint32_t seed = 1) {
    const Limits limits;
    Pieces pieces(archive, most, seed);
    TarReader reader(pieces, limits);
    Seen seen;
    Entry entry;
    while (true) {
        auto more = reader.next(entry);
        seen.failed = !more;
        if (!more || !more.value()) return seen;
        std::string line = concat(static_cast<int>(entry.type), ' ', entry.name, ' ', entry.link, ' ', entry.uid, ' ',
                                  entry.size, ' ');
        while (true) {
            auto piece = reader.content();
            if (!piece) {
                seen.failed = true;
                return seen;
            }
            if (piece.value().empty()) break;
            line.append(reinterpret_cast<const char*>(piece.value().data()), piece.value().size());
        }
        seen.lines.push_back(line);
    }
}

// Made by GNU tar and bsdtar, in each of their formats.
std::vector<std::string> real_archives() {
    test::Scratch scratch;
    ::mkdir((scratch / "in").c_str(), 0755);
    test::spill(scratch / "in/file", std::string(3000, 'x'));
    test::spill(scratch / ("in/" + std::string(120, 'n')), "long name");
    REQUIRE(::symlink("file", (scratch / "in/link").c_str()) == 0);
    REQUIRE(::link((scratch / "in/file").c_str(), (scratch / "in/hard").c_str()) == 0);
    REQUIRE(::symlink(std::string(150, 't').c_str(), (scratch / "in/long-link").c_str()) == 0);
    std::vector<std::string> archives;
    for (const std::vector<std::string>& writer : {std::vector<std::string>{"tar", "--format=gnu"},
                                                   {"tar", "--format=posix"},
                                                   {"bsdtar", "--format=pax"},
                                                   {"bsdtar", "--format=gnutar"}}) {
        std::vector<std::string> argv = writer;
        for (const char* word : {"-cf", "out.tar", "-C", "in", "."}) argv.emplace_back(word);
        REQUIRE(scratch.run(argv).exit == 0);
        archives.push_back(test::slurp(scratch / "out.tar"));
    }
    return archives;
}

}  // namespace

TEST_CASE("tar: GNU tar's and bsdtar's formats give the same entries, in pieces of any size") {
    const auto archives = real_archives();
    auto first = read_all(archives[0], 0);
    REQUIRE_FALSE(first.failed);
    CHECK(first.lines.size() == 6);
    std::sort(first.lines.begin(), first.lines.end());
    for (const std::string& archive : archives) {
        const Seen whole = read_all(archive, 0);
        CHECK_FALSE(whole.failed);
        for (const size_t most : {1, 7, 511, 512, 513, 5000}) {
            const Seen pieces = read_all(archive, most, 42);
            CHECK_FALSE(pieces.failed);
            CHECK(pieces.lines == whole.lines);
        }
        std::vector<std::string> sorted = whole.lines;
        std::sort(sorted.begin(), sorted.end());
        CHECK(sorted == first.lines);
    }
}

TEST_CASE("tar: every truncation of an archive is an error") {
    for (const std::string& archive : real_archives()) {
        // The last 1024 zeros may be followed by more of them.
        size_t end = archive.find_last_not_of('\0');
        end = (end / 512 + 1) * 512 + 1024;
        for (size_t size = 0; size < end; size += size % 512 == 0 ? 1 : 511 - size % 512 + 1)
            CHECK_MESSAGE(read_all(std::string_view(archive).substr(0, size), 0).failed, size);
        CHECK_FALSE(read_all(std::string_view(archive).substr(0, end), 0).failed);
    }
}

TEST_CASE("tar: random damage ends in an error or in entries") {
    std::mt19937 random(7);
    int refused = 0;
    const auto archives = real_archives();
    for (int round = 0; round < 3000; ++round) {
        std::string archive = archives[random() % archives.size()];
        for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes)
            archive[random() % archive.size()] = static_cast<char>(random());
        refused += read_all(archive, 700, random()).failed;
    }
    // Most bytes of these archives are headers, and those have a checksum.
    CHECK(refused > 300);
}

TEST_CASE("PAX times count nanoseconds upwards") {
    const auto time = [](const char* text) {
        const std::string body = concat(" mtime=", text, "\n");
        const auto records = parse_pax(concat(body.size() + 2, body));
        REQUIRE(records);
        return *records.value().mtime;
    };
    CHECK(time("1700000000.5") == Timestamp{1700000000, 500000000});
    CHECK(time("-1.25000000") == Timestamp{-2, 750000000});
    CHECK(time("1.1234567899") == Timestamp{1, 123456789});
    CHECK(time("1700000000.") == Timestamp{1700000000, 0});
}
