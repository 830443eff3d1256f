// bpf(2). The attribute is always the whole union, zeroed, with room behind it: kernels from 6.17 to before 7.2 write
// past the size they were given when they are asked for the programs of a cgroup (runc 1.5.2).
#include "sys/bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace casemate::sys {
namespace {

struct Attributes {
    bpf_attr attr;
    std::array<unsigned char, 256> slack;
};

long bpf(int command, Attributes& attributes) {
    return ::syscall(SYS_bpf, command, &attributes.attr, sizeof attributes.attr);
}

Attributes zeroed() {
    Attributes attributes;
    __builtin_memset(&attributes, 0, sizeof attributes);
    return attributes;
}

uint32_t number(FdView fd) { return static_cast<uint32_t>(fd.get()); }

Error load_failed() {
    const int saved = errno;
    Error error = Error::from_errno(saved, "bpf PROG_LOAD");
    if (saved == EPERM)
        return std::move(error).hint(
            "a device policy on cgroup v2 takes CAP_BPF and CAP_SYS_ADMIN on the host; before Linux 5.11 also "
            "RLIMIT_MEMLOCK");
    if (saved == ENOMEM)
        return std::move(error).hint("the launcher's own memory limit, or RLIMIT_MEMLOCK before Linux 5.11");
    return error;
}

}  // namespace

Result<Fd> bpf_load_device_program(std::span<const bpf_insn> program) {
    static constexpr char license[] = "Apache-2.0";  // calls no helper, so none is demanded
    Attributes load = zeroed();
    load.attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.attr.insns = reinterpret_cast<uint64_t>(program.data());
    load.attr.insn_cnt = static_cast<uint32_t>(program.size());
    load.attr.license = reinterpret_cast<uint64_t>(license);
    constexpr std::string_view name = "casemate_dev";
    static_assert(name.size() < BPF_OBJ_NAME_LEN);
    std::copy(name.begin(), name.end(), load.attr.prog_name);
    const long fd = bpf(BPF_PROG_LOAD, load);  // close-on-exec by the kernel
    if (fd < 0) return load_failed();
    return Fd(static_cast<int>(fd));
}

Result<void> bpf_attach_device(FdView cgroup, FdView program) {
    Attributes attach = zeroed();
    attach.attr.target_fd = number(cgroup);
    attach.attr.attach_bpf_fd = number(program);
    attach.attr.attach_type = BPF_CGROUP_DEVICE;
    attach.attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf(BPF_PROG_ATTACH, attach) < 0) return Error::sys("bpf PROG_ATTACH");
    return {};
}

Result<void> bpf_detach_device(FdView cgroup, FdView program) {
    Attributes detach = zeroed();
    detach.attr.target_fd = number(cgroup);
    detach.attr.attach_bpf_fd = number(program);
    detach.attr.attach_type = BPF_CGROUP_DEVICE;
    if (bpf(BPF_PROG_DETACH, detach) < 0) return Error::sys("bpf PROG_DETACH");
    return {};
}

Result<std::vector<uint32_t>> bpf_device_programs(FdView cgroup) {
    std::vector<uint32_t> ids(64);
    Attributes query = zeroed();
    query.attr.query.target_fd = number(cgroup);
    query.attr.query.attach_type = BPF_CGROUP_DEVICE;
    query.attr.query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
    query.attr.query.prog_cnt = static_cast<uint32_t>(ids.size());
    if (bpf(BPF_PROG_QUERY, query) < 0) return Error::sys("bpf PROG_QUERY");
    ids.resize(std::min<size_t>(query.attr.query.prog_cnt, ids.size()));
    return ids;
}

Result<Fd> bpf_program_by_id(uint32_t id) {
    Attributes wanted = zeroed();
    wanted.attr.prog_id = id;
    const long fd = bpf(BPF_PROG_GET_FD_BY_ID, wanted);
    if (fd < 0) return Error::sys("bpf PROG_GET_FD_BY_ID");
    return Fd(static_cast<int>(fd));
}

}  // namespace casemate::sys
