#include "cgroup/limits.h"

#include "base/text.h"

namespace casemate::cgroup {

Result<int64_t> swap_alone(std::optional<int64_t> memory, int64_t memory_and_swap) {
    if (memory_and_swap < 0) return unlimited;
    if (!memory || *memory < 0) return Error::invalid("memory and swap are limited together, but memory is not");
    if (memory_and_swap < *memory)
        return Error::invalid(concat("memory and swap together (", memory_and_swap, ") below memory (", *memory, ")"));
    return memory_and_swap - *memory;
}

const std::vector<DeviceRule>& default_device_rules() {
    static const std::vector<DeviceRule> rules = {
        {true, 'c', {}, {}, access::mknod}, {true, 'b', {}, {}, access::mknod},
        {true, 'c', 1, 3, access::all},     {true, 'c', 1, 5, access::all},  // null, zero
        {true, 'c', 1, 7, access::all},     {true, 'c', 1, 8, access::all},  // full, random
        {true, 'c', 1, 9, access::all},     {true, 'c', 5, 0, access::all},  // urandom, tty
        {true, 'c', 5, 1, access::all},     {true, 'c', 5, 2, access::all},  // console, ptmx
        {true, 'c', 136, {}, access::all},                                   // pts/N
    };
    return rules;
}

}  // namespace casemate::cgroup
