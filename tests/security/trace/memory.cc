#include "trace/memory.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace casemate::test {

bool read_memory(pid_t pid, uint64_t address, void* out, size_t size) {
    iovec local{out, size}, remote{reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr): another process's
    return address && ::process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::string read_string(pid_t pid, uint64_t address) {
    // By pieces that no page border divides: the next page may not be there.
    std::string out;
    char piece[64];
    while (out.size() < 255) {
        const size_t size = sizeof piece - address % sizeof piece;
        if (!read_memory(pid, address, piece, size)) break;
        const size_t length = ::strnlen(piece, size);
        out.append(piece, length);
        if (length < size) break;
        address += size;
    }
    return out;
}

std::string program_of(pid_t pid) {
    char path[4096];
    const ssize_t length = ::readlink(concat("/proc/", std::to_string(pid), "/exe").c_str(), path, sizeof path);
    return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

TextRange text_of(pid_t pid, const std::string& program) {
    TextRange range;
    FILE* maps = std::fopen(concat("/proc/", std::to_string(pid), "/maps").c_str(), "re");
    if (!maps) return range;
    char line[8192], flags[8];
    while (std::fgets(line, sizeof line, maps)) {
        unsigned long begin = 0, end = 0;
        if (!std::strstr(line, program.c_str()) || std::sscanf(line, "%lx-%lx %7s", &begin, &end, flags) != 3) continue;
        if (!range.base) range.base = begin;
        if (flags[2] == 'x') range.begin = begin, range.end = end;
    }
    std::fclose(maps);
    return range;
}

std::string call_site(pid_t pid, const TextRange& text, uint64_t stack_pointer) {
    constexpr size_t words = 192, deep_enough = 5;
    std::vector<uint64_t> stack(words);
    size_t have = words;
    while (have > 8 && !read_memory(pid, stack_pointer, stack.data(), have * 8)) have /= 2;
    std::string out;
    size_t found = 0;
    for (size_t i = 0; i < have && found < deep_enough; ++i) {
        if (stack[i] < text.begin + 8 || stack[i] >= text.end) continue;
        // After a call: E8 and four bytes, or FF with two or more.
        unsigned char before[6];
        if (!read_memory(pid, stack[i] - sizeof before, before, sizeof before)) continue;
        if (before[1] != 0xe8 && before[4] != 0xff && before[3] != 0xff && before[0] != 0xff) continue;
        char number[20];
        std::snprintf(number, sizeof number, "%llx", static_cast<unsigned long long>(stack[i] - text.base));
        out += concat(found++ ? "," : "", number);
    }
    return out;
}

}  // namespace casemate::test
