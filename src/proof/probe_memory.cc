// Write xor execute, by five ways and what is inherited. PR_SET_MDWE answers EACCES; where the kernel lacks it the
// filter answers, and says what.
#include <sys/mman.h>
#include <sys/shm.h>

#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr uint64_t page = 4096, bad = ~uint64_t{0};

std::string shared_memory(const CheckList& list, const std::string& otherwise) {
    const std::string made = list.filtered("shmget", {0, page, 01600});
    if (!made.empty()) return "shmget " + made;
    return list.expect("shmat", {0, 0, SHM_EXEC}, otherwise);
}

}  // namespace

void add_memory_checks(CheckList& list) {
    const std::string denied = list.plan.process().mdwe ? "EACCES" : "any";
    const uint64_t both = PROT_READ | PROT_WRITE | PROT_EXEC, executable = PROT_READ | PROT_EXEC;
    const std::string mapped = list.expect("mmap", {0, page, both, MAP_PRIVATE | MAP_ANONYMOUS, bad, 0}, denied);
    list.add("W+X: mmap", "wx-mmap", "", mapped);
    list.add("W+X: mprotect of a written page", "wx-mprotect", "",
             list.expect("mprotect", {0, page, executable}, denied));
    list.add("W+X: pkey_mprotect", "wx-pkey-mprotect", "",
             list.expect("pkey_mprotect", {0, page, executable, bad}, denied));
    // PR_SET_MDWE does not see SHM_EXEC: here the filter alone stands.
    list.add("W+X: shmat SHM_EXEC", "wx-shmat", "", shared_memory(list, "any"));
    const bool no_memfd = list.profile.memory.memfd == policy::Memfd::deny;
    list.add("W+X: a memfd mapped executable", "wx-memfd", "",
             list.expect("memfd_create", {0, 0}, no_memfd ? "ENOSYS" : "any"));
    list.add("W+X: in a child", "wx-fork", "", mapped);
    list.add("exec of a memfd", "memfd-exec", "", list.expect("memfd_create", {0, 0}, no_memfd ? "ENOSYS" : "any"));
    list.add("READ_IMPLIES_EXEC", "read-implies-exec", "", list.expect("personality", {0x400000}, "any"));
}

}  // namespace casemate::proof
