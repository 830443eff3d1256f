#include "image/pax.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace casemate::image {
namespace {

Error bad(std::string_view text) { return Error::with_code(EBADMSG, concat("PAX header: ", text)); }

struct Record {
    std::string_view key, value;
};

// Takes one record from the front of `text`.
Result<Record> take_record(std::string_view& text) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos || blank == 0 || blank > 10 || text[0] == '0')
        return bad("a record without a length");
    const auto length = parse_decimal(text.substr(0, blank));
    if (!length || *length > text.size() || *length < blank + 4) return bad("a record with a wrong length");
    const std::string_view record = text.substr(blank + 1, *length - blank - 1);
    const size_t equals = record.find('=');
    if (record.back() != '\n' || equals == 0 || equals == std::string_view::npos)
        return bad("a record that is not KEY=VALUE and a newline");
    text.remove_prefix(*length);
    return Record{record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2)};
}

Result<uint64_t> natural(const Record& record) {
    // Above 2^63 other readers wrap.
    const auto value = parse_decimal(record.value, INT64_MAX);
    if (!value) return bad(concat(record.key, " is ", quoted(record.value.substr(0, 64)), ", not a number"));
    return *value;
}

Result<std::string> path_text(const Record& record) {
    if (record.value.empty()) return bad(concat("an empty ", record.key));
    if (record.value.find('\0') != std::string_view::npos) return bad(concat("a NUL in ", record.key));
    return std::string(record.value);
}

// "-12.345678901": digits beyond nanoseconds are cut off; the fraction counts upwards also for negative times.
Result<Timestamp> timestamp(const Record& record) {
    std::string_view text = record.value;
    const auto wrong = [&] {
        return bad(concat(record.key, " is ", quoted(record.value.substr(0, 64)), ", not a time"));
    };
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const size_t dot = text.find('.');
    const auto seconds = parse_decimal(text.substr(0, dot), INT64_MAX / 4);
    if (!seconds) return wrong();
    Timestamp time{static_cast<int64_t>(*seconds), 0};
    if (dot != std::string_view::npos) {
        std::string digits(text.substr(dot + 1));
        if (digits.find_first_not_of("0123456789") != std::string::npos) return wrong();
        digits.resize(9, '0');
        time.nanoseconds = static_cast<uint32_t>(*parse_decimal(digits));
    }
    if (!negative) return time;
    time.seconds = -time.seconds;
    if (time.nanoseconds == 0) return time;
    return Timestamp{time.seconds - 1, 1'000'000'000 - time.nanoseconds};
}

Result<void> apply(const Record& record, PaxRecords& records) {
    const std::string_view key = record.key;
    if (key.starts_with("GNU.sparse."))
        return Error::with_code(EOPNOTSUPP, "PAX header: a sparse file; the image specification advises against them")
            .hint("write the layer without --sparse");
    constexpr std::string_view xattr = "SCHILY.xattr.";
    if (key.starts_with(xattr)) {
        if (key.find('\0') != std::string_view::npos || key.size() == xattr.size())
            return bad("an xattr without a name");
        records.xattrs.push_back({std::string(key.substr(xattr.size())), std::string(record.value)});
        return {};
    }
    if (key.starts_with("SCHILY.acl.")) {
        records.acls = true;
        return {};
    }
    // SCHILY.realsize and SCHILY.filetype change what follows, for star only.
    if (key == "SCHILY.realsize" || key == "SCHILY.filetype") return bad(concat(key, " is not supported"));
    if (key == "path") {
        records.path = TRY(path_text(record));
    } else if (key == "linkpath") {
        records.link = TRY(path_text(record));
    } else if (key == "size") {
        records.size = TRY(natural(record));
    } else if (key == "uid") {
        records.uid = TRY(natural(record));
    } else if (key == "gid") {
        records.gid = TRY(natural(record));
    } else if (key == "mtime") {
        records.mtime = TRY(timestamp(record));
    } else if (key == "hdrcharset") {
        if (record.value != "BINARY" && record.value != "ISO-IR 10646 2000 UTF-8") return bad("an unknown hdrcharset");
    } else if (key.find('.') == std::string_view::npos && key != "comment" && key != "atime" && key != "ctime" &&
               key != "uname" && key != "gname") {
        // Vendors' keys have a dot and may be ignored; others are the standard's, and we know those.
        return bad(concat("unknown key ", quoted(key.substr(0, 64))));
    }
    return {};
}

}  // namespace

Result<PaxRecords> parse_pax(std::string_view text) {
    PaxRecords records;
    std::set<std::string_view> seen;
    while (!text.empty()) {
        const Record record = TRY(take_record(text));
        if (!seen.insert(record.key).second) return bad(concat(quoted(record.key.substr(0, 64)), " given twice"));
        TRY(apply(record, records));
    }
    return records;
}

Result<void> check_global_pax(std::string_view text) {
    while (!text.empty()) {
        const Record record = TRY(take_record(text));
        if (record.key != "comment")
            return bad(concat("a global ", quoted(record.key.substr(0, 64)), ": only comments are allowed there"));
    }
    return {};
}

}  // namespace casemate::image
