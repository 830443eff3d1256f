#include "support/confined.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "steps/sequence.h"
#include "sys/call.h"
#include "sys/fd_passing.h"

namespace casemate::test {
namespace {

struct Shared {
    bool looked;
    Failure failure;
};

bool is_left_out(const Choice& choice, std::string_view name, steps::Phase phase) {
    if (phase >= choice.until) return true;
    if (name == "verify from inside" && !choice.verify && (!choice.without.empty() || choice.until != steps::Phase::exec)) return true;
    return std::find(choice.without.begin(), choice.without.end(), name) != choice.without.end();
}

template <typename Steps, typename Context>
Result<void> apply(const Steps& table, Context& context, const Choice& choice, bool (*wanted)(steps::Phase)) {
    for (const auto* step : table) {
        if (!wanted(step->phase) || !step->needed(context.plan) || is_left_out(choice, step->name, step->phase)) continue;
        auto done = step->apply(context);
        if (!done) return std::move(done).take_error().within(concat("phase ", steps::phase_name(step->phase), ": ", step->name));
    }
    return {};
}

// A control that leaves nothing out would prove nothing.
Result<void> check(const plan::Plan& plan, const Choice& choice) {
    for (const std::string_view name : choice.without) {
        bool known = false;
        for (const steps::HostStep* step : steps::host_sequence()) known = known || (step->name == name && step->needed(plan));
        for (const steps::InitStep* step : steps::init_sequence()) known = known || (step->name == name && step->needed(plan));
        if (!known) return Error::invalid(concat("no step of this plan: ", quoted(name)));
    }
    return {};
}

void note(Failure& failure, const Error& error) {
    failure.failed = true;
    failure.code = error.code();
    failure.exit_code = error.exit_code();
    failure.text = error.text();
    failure.hint = error.hint_text();
}

[[noreturn]] void be_init(steps::Prepared& prepared, Fd channel, const Choice& choice, const std::function<void(steps::InitContext&, void*)>& look, Shared& shared, void* out) {
    auto go = sys::receive_byte(channel);
    if (!go) ::_exit(125);
    if (go.value().second) prepared.tree = std::move(go.value().second);
    steps::InitContext context(prepared);
    context.channel = channel.release();
    auto done = apply(steps::init_sequence(), context, choice, [](steps::Phase phase) { return phase < steps::Phase::exec; });
    if (!done) {
        note(shared.failure, done.error());
        ::_exit(125);
    }
    look(context, out);
    shared.looked = true;
    ::_exit(0);
}

Result<void> be_host(const plan::Plan& plan, const Choice& choice, const std::function<void(steps::InitContext&, void*)>& look, Shared& shared, void* out) {
    TRY(check(plan, choice));
    if (plan.ids().mode == plan::Mode::rootless && !become_user(plain_user)) return Error::sys("become_user");
    steps::Prepared prepared(plan);
    steps::HostContext host(prepared);
    TRY(apply(steps::host_sequence(), host, choice, [](steps::Phase phase) { return phase == steps::Phase::prepare; }));
    const std::string text = TRY(host.proc->read("self/status"));
    prepared.expected = plan::expected_of(plan, TRY(sys::parse_status(text)).seccomp_filters);
    for (const std::string& kind : prepared.expected.own_namespaces)
        prepared.host_namespaces[kind] = TRY(host.proc->namespace_inode("self", kind));
    if (choice.interfere) choice.interfere();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    Fd ours(ends[0]), theirs(ends[1]);
    const sys::Cloned init = TRY(sys::clone3(plan.namespaces().clone_flags));
    if (init.pid == 0) {
        ours.reset();
        be_init(prepared, std::move(theirs), choice, look, shared, out);
    }
    theirs.reset();
    host.pid = init.pid;
    auto adopted = apply(steps::host_sequence(), host, choice, [](steps::Phase phase) { return phase == steps::Phase::adopt; });
    // Kept open until init has ended: to init a closed channel is a dead host.
    const bool layered = plan.mounts().root.layered();
    if (adopted) (void)sys::send_byte(ours, 'm', layered ? FdView(prepared.tree) : FdView(-1)).operator bool();
    else ours.reset();
    int status = 0;
    while (::waitpid(init.pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    TRY(std::move(adopted));
    if (!shared.looked && !shared.failure.failed) return Error::invalid(concat("init ended before it looked, status ", status));
    return {};
}

}  // namespace

// Through shared memory, not through the channel: a filter or a closed descriptor cannot stand in the way.
Failure run_confined(const plan::Plan& plan, const Choice& choice, const std::function<void(steps::InitContext&, void*)>& look, void* out, size_t size) {
    constexpr size_t head = sizeof(Shared) + (16 - sizeof(Shared) % 16);
    void* memory = ::mmap(nullptr, head + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& shared = *new (memory) Shared{};
    void* seen = static_cast<char*>(memory) + head;
    // No assertion in here: the exit code and the shared failure say it all.
    const auto finished = in_child<int>([&](int&) {
        const auto done = be_host(plan, choice, look, shared, seen);
        if (!done) note(shared.failure, done.error());
    });
    Failure failure = shared.failure;
    if (!finished) {
        failure.failed = true;
        failure.text = "the host's half died";
    }
    std::memcpy(out, seen, size);
    ::munmap(memory, head + size);
    return failure;
}

}  // namespace casemate::test
