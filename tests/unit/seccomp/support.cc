#include "support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/text.h"

namespace casemate::seccomp::test {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool lists(const json::Value* list, std::string_view word) {
    return list && std::ranges::any_of(list->items(), [&](const json::Value& one) { return one.string() == word; });
}

// Docker's meaning of includes and excludes: all capabilities of an include, any of an exclude.
bool applies(const json::Value& rule, const std::vector<std::string_view>& capabilities, std::string_view go_arch) {
    const auto held = [&](const json::Value& capability) {
        return std::ranges::find(capabilities, capability.string()) != capabilities.end();
    };
    if (const json::Value* includes = rule.find("includes"); includes && includes->is_object()) {
        const json::Value* arches = includes->find("arches");
        if (arches && !arches->items().empty() && !lists(arches, go_arch)) return false;
        const json::Value* caps = includes->find("caps");
        if (caps && !std::ranges::all_of(caps->items(), held)) return false;
    }
    if (const json::Value* excludes = rule.find("excludes"); excludes && excludes->is_object()) {
        if (lists(excludes->find("arches"), go_arch)) return false;
        const json::Value* caps = excludes->find("caps");
        if (caps && std::ranges::any_of(caps->items(), held)) return false;
    }
    return true;
}

uint64_t number_or_zero(const json::Value* value) { return value ? value->unsigned_integer() : 0; }

OciSyscall syscall_rule(const json::Value& rule) {
    OciSyscall out;
    for (const json::Value& name : rule.find("names")->items()) out.names.push_back(name.string());
    out.action = rule.find("action")->string();
    if (const json::Value* error = rule.find("errnoRet"))
        out.errno_ret = static_cast<uint32_t>(error->unsigned_integer());
    if (const json::Value* args = rule.find("args"))
        for (const json::Value& arg : args->items())
            out.args.push_back({static_cast<uint32_t>(number_or_zero(arg.find("index"))),
                                number_or_zero(arg.find("value")), number_or_zero(arg.find("valueTwo")),
                                arg.find("op")->string()});
    return out;
}

void add_value(std::vector<uint64_t>& values, uint64_t value, bool high_bits) {
    for (uint64_t near : {value - 1, value, value + 1}) {
        values.push_back(near);
        if (!high_bits) continue;
        for (uint64_t bits : {uint64_t{1} << 16, uint64_t{1} << 32, uint64_t{1} << 63}) values.push_back(near ^ bits);
    }
}

using Values = std::array<std::vector<uint64_t>, 6>;

void add_rule_values(Values& values, const Rule& rule, const Syscall& syscall, bool high_bits) {
    if (rule.syscall != &syscall) return;
    for (const Condition& condition : rule.conditions) {
        add_value(values[condition.index], condition.value, high_bits);
        if (condition.op != Op::masked_eq && condition.op != Op::any_bit) continue;
        add_value(values[condition.index], condition.value_two, high_bits);
        values[condition.index].push_back(condition.value & (condition.value - 1));
        values[condition.index].push_back(condition.value_two | ~condition.value);
    }
}

Values values_for(const Policy& policy, const Syscall& syscall, bool high_bits) {
    Values values;
    for (const Layer& layer : policy.layers) {
        for (const Rule& rule : layer.deny) add_rule_values(values, rule, syscall, high_bits);
        if (layer.allow)
            for (const Rule& rule : *layer.allow) add_rule_values(values, rule, syscall, high_bits);
    }
    for (const OciRules& oci : policy.oci)
        for (const Rule& rule : oci.rules) add_rule_values(values, rule, syscall, high_bits);
    for (auto& list : values) {
        if (!list.empty()) list.insert(list.end(), {0, UINT32_MAX, UINT64_MAX, uint64_t{1} << 32});
        std::ranges::sort(list);
        list.erase(std::unique(list.begin(), list.end()), list.end());
        if (list.empty()) list.push_back(0x123456789abcdef0);
    }
    return values;
}

// All combinations, or a random choice of 3000 where there are more.
void add_combinations(std::vector<seccomp_data>& calls, seccomp_data data, const Values& values, Random& random) {
    size_t all = 1;
    for (const auto& list : values) all = std::min<size_t>(all * list.size(), 1u << 20);
    constexpr size_t most = 3000;
    for (size_t i = 0; i < std::min(all, most); ++i) {
        size_t rest = i;
        for (size_t arg = 0; arg < 6; ++arg) {
            const auto& list = values[arg];
            data.args[arg] = all > most ? list[random.below(list.size())] : list[rest % list.size()];
            rest /= list.size();
        }
        calls.push_back(data);
    }
}

}  // namespace

EngineProfile engine_profile(std::string_view file, std::vector<std::string_view> capabilities,
                             std::vector<std::string_view> architectures, std::string_view go_arch) {
    auto parsed = json::Document::parse(read_file(concat(TEST_DATA "/seccomp/", file)));
    REQUIRE(parsed);
    EngineProfile profile{std::make_unique<json::Document>(std::move(parsed).take()), {}};
    const json::Value& root = profile.document->root();
    profile.filter.default_action = root.find("defaultAction")->string();
    if (const json::Value* error = root.find("defaultErrnoRet"))
        profile.filter.default_errno_ret = static_cast<uint32_t>(error->unsigned_integer());
    profile.filter.architectures = std::move(architectures);
    for (const json::Value& rule : root.find("syscalls")->items())
        if (applies(rule, capabilities, go_arch)) profile.filter.syscalls.push_back(syscall_rule(rule));
    return profile;
}

Policy policy_of(const OciFilter& filter, OciIgnored* ignored) {
    OciIgnored unused;
    auto policy = from_oci(filter, ignored ? *ignored : unused);
    REQUIRE(policy);
    return std::move(policy).take();
}

std::vector<sock_filter> program_of(const Policy& policy) {
    auto program = compile(policy);
    REQUIRE(program);
    const auto accepted = check(program.value());
    REQUIRE(accepted);
    return std::move(program).take();
}

std::vector<seccomp_data> interesting_calls(const Policy& policy, Arch arch, bool high_bits) {
    Random random(static_cast<uint64_t>(arch) + 77);
    std::vector<int64_t> numbers{0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
                                 0xf0000,    0xf0001,    0xf0005,    0x100000};
    const int64_t bit = arch == Arch::x32 ? 0x40000000 : 0;
    for (int64_t n = 0; n < 1200; ++n) numbers.push_back(n | bit);
    std::vector<seccomp_data> calls;
    for (int64_t number : numbers) {
        seccomp_data data{};
        data.nr = static_cast<int>(number);
        data.arch = audit_arch(arch);
        data.instruction_pointer = 0x4000004000;
        calls.push_back(data);
        if (const Syscall* syscall = find_syscall(arch, number))
            add_combinations(calls, data, values_for(policy, *syscall, high_bits), random);
    }
    return calls;
}

size_t differences(const Policy& policy, const std::vector<sock_filter>& program,
                   const std::vector<seccomp_data>& calls) {
    size_t count = 0;
    for (const seccomp_data& data : calls) {
        const uint32_t got = run(program, data), wanted = verdict_of(policy, data).bpf();
        if (got != wanted && ++count <= 5)
            MESSAGE("arch ", data.arch, " nr ", data.nr, " args ", data.args[0], " ", data.args[1], " ", data.args[2],
                    " program ", got, " policy ", wanted);
    }
    return count;
}

std::vector<const Syscall*> members(std::string_view group) {
    auto found = group_members(group);
    REQUIRE(found);
    return std::move(*found);
}

Layer allow_groups(std::initializer_list<std::string_view> groups) {
    Layer layer;
    layer.default_verdict = {Action::errno_, EPERM, false};
    layer.unknown_verdict = {Action::errno_, ENOSYS, false};
    layer.allow.emplace();
    for (std::string_view group : groups)
        for (const Syscall* one : members(group)) layer.allow->push_back({one, {}, {}});
    return layer;
}

seccomp_data call(std::string_view name, std::initializer_list<uint64_t> args, Arch arch) {
    seccomp_data data{};
    data.nr = find_syscall(name)->on(arch);
    data.arch = audit_arch(arch);
    std::copy(args.begin(), args.end(), data.args);
    return data;
}

}  // namespace casemate::seccomp::test
