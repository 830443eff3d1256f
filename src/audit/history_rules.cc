// HIS: how an image was built, as far as its history tells. Steps of the base image are its author's to answer for.
#include <algorithm>
#include <array>

#include "audit/image_facts.h"
#include "audit/listed.h"
#include "audit/secrets.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

std::string place(const Step& step) { return concat("history[", step.index, "]"); }

bool has_word(const Command& command, std::string_view word) { return listed(command.words, word); }

bool is_apt(const Command& command) {
    return listed(std::array<std::string_view, 3>{"apt", "apt-get", "aptitude"}, command.words[0]);
}

bool installs(const Command& command) {
    static constexpr std::string_view verbs[] = {"install",      "add",          "upgrade",
                                                 "dist-upgrade", "full-upgrade", "build-dep"};
    return std::ranges::any_of(command.words, [](const std::string& word) { return listed(verbs, word); });
}

// Calls `check` with each RUN step of the image itself and its commands.
template <typename CheckRun>
void for_each_run(const HistoryFacts& facts, CheckRun check) {
    for (const Step& step : facts.steps)
        if (!step.of_base && step.instruction == "RUN") check(step, shell_commands(step.arguments));
}

void copy_not_add(const HistoryFacts& facts, const Report& report) {
    for (const Step& step : facts.steps)
        if (!step.of_base && step.instruction == "ADD") report(place(step), "ADD unpacks and downloads; COPY does not");
}

void no_download(const HistoryFacts& facts, const Report& report) {
    static constexpr std::string_view fetchers[] = {"curl", "wget"};
    static constexpr std::string_view runners[] = {"sh",     "bash",    "dash", "ash",  "zsh",
                                                   "python", "python3", "perl", "node", "sudo"};
    for (const Step& step : facts.steps)
        if (!step.of_base && step.instruction == "ADD" &&
            (step.arguments.find("http://") != std::string::npos ||
             step.arguments.find("https://") != std::string::npos))
            report(place(step), "ADD of a URL");
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        bool found = false;
        for (size_t i = 0; i + 1 < commands.size(); ++i)
            found = found || (commands[i].piped && listed(fetchers, commands[i].words[0]) &&
                              listed(runners, commands[i + 1].words[0]));
        for (const char* text : {"$(curl", "$(wget", "<(curl", "<(wget", "`curl", "`wget"})
            found = found || step.arguments.find(text) != std::string::npos;
        if (found) report(place(step), "runs what it downloads");
    });
}

void update_with_install(const HistoryFacts& facts, const Report& report) {
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        static constexpr std::string_view managers[] = {"apt", "apt-get", "aptitude", "apk", "yum", "dnf"};
        const bool updates = std::ranges::any_of(commands, [](const Command& command) {
            return listed(managers, command.words[0]) &&
                   (has_word(command, "update") || has_word(command, "makecache"));
        });
        if (updates && std::ranges::none_of(commands, installs)) report(place(step), "updates the package list alone");
    });
}

void no_dist_upgrade(const HistoryFacts& facts, const Report& report) {
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        for (const Command& command : commands)
            if (is_apt(command) && (has_word(command, "dist-upgrade") || has_word(command, "full-upgrade")))
                report(place(step), "upgrades the whole distribution");
    });
}

void no_sudo(const HistoryFacts& facts, const Report& report) {
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        if (std::ranges::any_of(commands, [](const Command& command) { return command.words[0] == "sudo"; }))
            report(place(step), "calls sudo");
    });
}

void no_caches(const HistoryFacts& facts, const Report& report) {
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        const bool mounts_cache = step.arguments.find("--mount=type=cache") != std::string::npos;
        const bool cleans_apt = step.arguments.find("/var/lib/apt/lists") != std::string::npos;
        const bool cleans_apk = step.arguments.find("/var/cache/apk") != std::string::npos;
        if (mounts_cache) return;
        for (const Command& command : commands) {
            if (is_apt(command) && has_word(command, "install") && !cleans_apt)
                report(place(step), "leaves apt's lists in the layer");
            if (command.words[0] == "apk" && has_word(command, "add") && !has_word(command, "--no-cache") &&
                !cleans_apk)
                report(place(step), "apk add without --no-cache");
            if ((command.words[0] == "pip" || command.words[0] == "pip3") && has_word(command, "install") &&
                !has_word(command, "--no-cache-dir"))
                report(place(step), "pip install without --no-cache-dir");
        }
    });
}

void no_secret_arguments(const HistoryFacts& facts, const Report& report) {
    for (const Step& step : facts.steps) {
        for (const auto& [name, value] : step.build_arguments)
            if (const std::string_view reason = secret_reason(name, value); !reason.empty())
                report(place(step), concat("build argument ", name, " looks like a credential by ", reason));
        if (step.instruction == "RUN")
            if (const std::string_view reason = secret_reason("", step.arguments); !reason.empty())
                report(place(step), concat("the command holds ", reason));
    }
}

// Words of an install command that name packages, without a version.
void versions_pinned(const HistoryFacts& facts, const Report& report) {
    struct Installer {
        std::string_view program, verb, pin;
    };
    static constexpr Installer installers[] = {
        {"apt-get", "install", "="}, {"apt", "install", "="}, {"apk", "add", "="},    {"pip", "install", "=="},
        {"pip3", "install", "=="},   {"npm", "install", "@"}, {"gem", "install", ":"}};
    for_each_run(facts, [&](const Step& step, const std::vector<Command>& commands) {
        for (const Command& command : commands)
            for (const Installer& installer : installers) {
                if (command.words[0] != installer.program || !has_word(command, installer.verb)) continue;
                const auto verb = std::ranges::find(command.words, installer.verb);
                const auto loose = std::find_if(verb + 1, command.words.end(), [&](const std::string& word) {
                    return !word.starts_with('-') && !word.starts_with('.') && !word.starts_with('/') &&
                           !word.ends_with(".txt") && word.find(installer.pin, 1) == std::string::npos;
                });
                if (loose != command.words.end())
                    report(place(step),
                           concat(installer.program, " installs ", quoted(*loose), " in whatever version there is"));
            }
    });
}

bool is_root(std::string_view user) {
    const std::string_view name = user.substr(0, user.find(':'));
    return name == "root" || name == "0";
}

void not_back_to_root(const HistoryFacts& facts, const Report& report) {
    const Step* last = nullptr;
    bool other_before = false;
    for (const Step& step : facts.steps) {
        if (step.instruction != "USER") continue;
        other_before = other_before || (last && !is_root(last->arguments));
        last = &step;
    }
    if (last && other_before && is_root(last->arguments)) report(place(*last), "the last USER is root again");
}

constexpr Check<HistoryFacts> checks[] = {
    {"HIS-01", copy_not_add},        {"HIS-02", no_download},     {"HIS-03", update_with_install},
    {"HIS-04", no_dist_upgrade},     {"HIS-05", no_sudo},         {"HIS-06", no_caches},
    {"HIS-07", no_secret_arguments}, {"HIS-08", versions_pinned}, {"HIS-09", not_back_to_root}};

}  // namespace

std::span<const Check<HistoryFacts>> history_checks() { return checks; }

}  // namespace casemate::audit
