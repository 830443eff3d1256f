#include "runtime/app.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "runtime/notify.h"
#include "runtime/store.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

bool wants_user_namespace(const policy::Profile& profile) {
    if (!profile.namespaces.private_) return false;
    for (const std::string& type : *profile.namespaces.private_)
        if (type == "user") return true;
    return false;
}

std::string setid_word(const policy::Profile& profile) {
    constexpr const char* words[] = {"keep", "ignore", "strip"};
    return words[static_cast<size_t>(profile.filesystem.setid_files.value_or(policy::SetidFiles::strip))];
}

// Beside the container's data, and with it gone; the digest in the record says that there must be one.
Result<void> keep_admission(const std::string& data, const Admitted& admitted, Record& record) {
    const Fd file = TRY_IN("admission", sys::open((data + "/admission.json").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY_IN("admission", sys::write_all(file, admitted.record));
    record.admitted = admitted.digest;
    return {};
}

}  // namespace

Result<void> write_pid_file(const std::string& path, pid_t pid) {
    if (path.empty()) return {};
    const std::string temporary = concat(path, ".", pid);
    {
        const Fd file = TRY_IN(quoted(path), sys::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
        TRY_IN(quoted(path), sys::write_all(file, std::to_string(pid)));  // no newline: containerd's Atoi is strict
    }
    if (::rename(temporary.c_str(), path.c_str()) < 0) return Error::sys("rename").within(quoted(path));
    return {};
}

Result<App> prepare_app(const Settings& settings, const LaunchOptions& options, Site& site, AppNeeds needs) {
    const HostConfig host = TRY(read_host_config());
    const policy::Profile profile = TRY(resolve_profile(options, host));
    const plan::HostFacts facts = TRY(host_facts(profile, true));
    // "Port in use" needs no clean-up when it is found out first.
    const Network network = TRY(network_of(profile));
    site.listeners.emplace(TRY(launch::Listeners::open(network.publish, network.listen)));
    if (!site.listeners->files().empty()) {
        site.record().sockets = site.listeners->files();
        TRY(site.write());
    }

    plan::Request request;
    request.launch = true;
    request.id = site.record().id;
    request.inherited_fds = static_cast<unsigned>(network.listen.size());
    if (facts.root() && wants_user_namespace(profile)) {
        site.slot = TRY(take_slot(host, site.record().id));
        request.id_base = site.slot->base;
    }
    const SourceKind kind = TRY(kind_of(options.source));
    const bool image = kind == SourceKind::image || kind == SourceKind::registry;
    std::string data;
    if (image || needs.data || needs.notified) data = TRY(site.make_data());
    SourceRequest wanted{options.source, options.ref, data + "/image", setid_word(profile), 0, false, {}, &profile};
    wanted.store = image && (facts.root() || !facts.nested) && !needs.own_root && can_store(data, facts.kernel);
    if (image && !wanted.store && request.id_base != 0 && !can_idmap(data, facts.kernel)) {
        log(LogLevel::info, concat(quoted(data), " cannot be idmapped: unpacking with the owners of the container's range"));
        wanted.shift = request.id_base;
    }
    Source source = TRY(open_source(settings, wanted));
    if (!source.admitted.record.empty()) TRY(keep_admission(data, source.admitted, site.record()));
    request.root_shifted = source.shifted;
    request.root_layers = source.layers;
    if (!source.layers.empty()) {
        request.root_own = data + "/own";
        if (::mkdir(request.root_own.c_str(), 0700) < 0) return Error::sys("mkdir").within(quoted(request.root_own));
    }
    request.stop_signal = source.app.stop_signal;
    oci::Config config = TRY(configure(source, profile, facts, options));
    if (needs.notified) TRY(add_notify(data + "/notify", config));
    plan::Plan plan = TRY(plan::compile(config, profile, facts, request));
    TRY(site.plan_cgroup(plan));
    std::optional<launch::Notifier> notifier;
    if (needs.notified) notifier = TRY(open_notifier(data + "/notify"));
    return App{std::move(source), profile, facts, request, std::move(config), std::move(plan), std::move(notifier), std::move(data)};
}

}  // namespace casemate::runtime
