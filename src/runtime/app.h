// An app that is ready to be started: source opened, config.json made, plan compiled. And what launch, run and probe
// share on the way.
#pragma once

#include "launch/host.h"
#include "launch/notify.h"
#include "runtime/site.h"

namespace casemate::runtime {

struct App {
    Source source;
    policy::Profile profile;
    plan::HostFacts facts;
    plan::Request request;
    oci::Config config;
    plan::Plan plan;
    std::optional<launch::Notifier> notifier;
    std::string data;  // the container's own directory below the data root, or empty
};

struct AppNeeds {
    bool data = false;      // the data directory even when the source needs none
    bool notified = false;  // the app gets a NOTIFY_SOCKET that leads to ours
    bool own_root = false;  // an image's root as files of its own, not the store's: `probe` plants some there
};
// Everything up to the plan. What it makes, the site takes away.
Result<App> prepare_app(const Settings& settings, const LaunchOptions& options, Site& site, AppNeeds needs = {});

// The outside half of verify: the confined, waiting app is compared with its plan (RECIPES H15).
Result<void> verify_waiting(const launch::Waiting& waiting);

// The pid in decimal, without a newline, complete when it appears. An empty path: nothing.
Result<void> write_pid_file(const std::string& path, pid_t pid);

}  // namespace casemate::runtime
