#include "runtime/id_pool.h"

#include <fcntl.h>
#include <sys/file.h>

#include <vector>

#include "base/text.h"
#include "runtime/directories.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr uint32_t slot_size = 65536;

struct Range {
    uint64_t first, count;
};

std::vector<Range> delegated_ranges() {
    std::vector<Range> ranges;
    for (const char* path : {"/etc/subuid", "/etc/subgid"}) {
        auto file = sys::open(path, O_RDONLY | O_NOCTTY);
        if (!file) continue;
        auto text = sys::read_all(file.value(), size_t{1} << 20);
        if (!text) continue;
        for (const std::string_view line : split(text.value(), '\n')) {
            const auto fields = split(line, ':');
            if (fields.size() != 3) continue;
            const auto first = parse_decimal(fields[1]), count = parse_decimal(fields[2]);
            if (first && count) ranges.push_back({*first, *count});
        }
    }
    return ranges;
}

bool overlaps(const std::vector<Range>& ranges, uint32_t base) {
    for (const Range& range : ranges)
        if (base < range.first + range.count && range.first < uint64_t{base} + slot_size) return true;
    return false;
}

}  // namespace

Result<IdSlot> take_slot(const HostConfig& config, std::string_view id) {
    TRY(open_private_directory("/run/casemate", true));
    const std::string directory = "/run/casemate/.ids";
    const Fd slots = TRY(open_private_directory(directory, true));
    const std::vector<Range> taken = delegated_ranges();
    const uint32_t count = config.pool_count / slot_size;
    // Starts at a place that depends on the id: launches at once rarely try the same slots.
    uint32_t start = 2166136261u;  // FNV-1a
    for (const char c : id) start = (start ^ static_cast<unsigned char>(c)) * 16777619u;
    for (uint32_t tried = 0; tried < count; ++tried) {
        const uint32_t base = config.pool_first + (start % count + tried) % count * slot_size;
        if (overlaps(taken, base)) continue;
        IdSlot slot;
        slot.base = base;
        slot.lock = TRY_IN(quoted(directory), sys::openat2(slots, std::to_string(base).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0, 0600));
        if (::flock(slot.lock.get(), LOCK_EX | LOCK_NB) == 0) return slot;
        if (errno != EWOULDBLOCK) return Error::sys("flock").within(quoted(directory));
    }
    return Error::with_code(ENOSPC, concat("all ", count, " id ranges are in use")).hint("enlarge idPool in casemate.json, or remove containers with 'casemate gc'");
}

}  // namespace casemate::runtime
