// The tables of system calls and groups. Rows are made at build time (tables.inc); the indexes are made here by the
// compiler: a hash by name, because a start looks up some 430 names, and the order by number for each architecture.
#include <algorithm>
#include <array>
#include <iterator>

#include "seccomp/filter.h"

namespace casemate::seccomp {
namespace {

// A group or a union of groups; `members` has one bit a group. Plain groups come first, in the order of their bits.
struct Group {
    PooledName name;
    uint64_t members;
};

#include "seccomp/tables.inc"

constexpr size_t count = std::size(table);
constexpr size_t arch_count = 5;
constexpr uint16_t no_row = 0xffff;

constexpr uint32_t hash(std::string_view text) {  // FNV-1a
    uint32_t value = 2166136261u;
    for (char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619u;
    return value ^ (value >> 15);
}

constexpr std::string_view text_of(PooledName name) { return {pool + name.offset, name.length}; }

// Open addressing, at most half full.
constexpr size_t slots = 1024;
static_assert(count * 2 <= slots);
constexpr std::array<uint16_t, slots> name_index = [] {
    std::array<uint16_t, slots> index{};
    index.fill(no_row);
    for (size_t row = 0; row < count; ++row) {
        size_t slot = hash(text_of(table[row].name)) % slots;
        while (index[slot] != no_row) slot = (slot + 1) % slots;
        index[slot] = static_cast<uint16_t>(row);
    }
    return index;
}();

struct NumberIndex {
    std::array<uint16_t, count> rows{};
    size_t size = 0;
};
constexpr std::array<NumberIndex, arch_count> number_index = [] {
    std::array<NumberIndex, arch_count> all{};
    for (size_t arch = 0; arch < arch_count; ++arch) {
        NumberIndex& index = all[arch];
        for (size_t row = 0; row < count; ++row)
            if (table[row].number[arch] >= 0) index.rows[index.size++] = static_cast<uint16_t>(row);
        std::sort(index.rows.begin(), index.rows.begin() + index.size,
                  [arch](uint16_t a, uint16_t b) { return table[a].number[arch] < table[b].number[arch]; });
    }
    return all;
}();

}  // namespace

PooledName::operator std::string_view() const { return text_of(*this); }

std::span<const Syscall> syscalls() { return table; }

const Syscall* find_syscall(std::string_view name) {
    for (size_t slot = hash(name) % slots; name_index[slot] != no_row; slot = (slot + 1) % slots) {
        const Syscall& call = table[name_index[slot]];
        if (text_of(call.name) == name) return &call;
    }
    return nullptr;
}

std::span<const uint16_t> by_number(Arch arch) {
    const NumberIndex& index = number_index[static_cast<size_t>(arch)];
    return {index.rows.data(), index.size};
}

const Syscall* find_syscall(Arch arch, int64_t number) {
    const auto rows = by_number(arch);
    const auto found = std::lower_bound(rows.begin(), rows.end(), number,
                                        [arch](uint16_t row, int64_t wanted) { return table[row].on(arch) < wanted; });
    return found != rows.end() && table[*found].on(arch) == number ? &table[*found] : nullptr;
}

Width width_on(Arch arch, const Syscall& syscall, unsigned index) {
    if (index >= std::size(syscall.args)) return Width::none;
    const Width width = syscall.args[index];
    if (arch != Arch::x86 && arch != Arch::arm) return width;
    if (width == Width::bits32 && syscall.short_ids) return Width::bits16;
    return width == Width::bits64 ? Width::bits32 : width;
}

bool hides_arguments(Arch arch, const Syscall& syscall) {
    return arch == Arch::x86 && (syscall.name == "mmap" || syscall.name == "select");
}

bool fits(Width width, uint64_t value) {
    switch (width) {
        case Width::bits16: return value <= UINT16_MAX;
        case Width::bits32: return value <= UINT32_MAX;
        case Width::bits64: return true;
        case Width::none:
        case Width::pointer: break;
    }
    return false;
}

std::optional<std::vector<const Syscall*>> group_members(std::string_view group) {
    const auto found = std::find_if(std::begin(group_table), std::end(group_table),
                                    [group](const Group& one) { return text_of(one.name) == group; });
    if (found == std::end(group_table)) return std::nullopt;
    std::vector<const Syscall*> members;
    for (const Syscall& call : table)
        if (found->members >> call.group & 1) members.push_back(&call);
    return members;
}

std::vector<std::string_view> group_names() {
    std::vector<std::string_view> names;
    for (const Group& group : group_table) names.push_back(text_of(group.name));
    return names;
}

}  // namespace casemate::seccomp
