// casemate-systemd-cgroup: asks systemd for a container's scope, over D-Bus. A program of its own, so that the launcher
// need not link libsystemd and what that pulls in.
//
// systemd makes a scope around a process that exists, and takes it away with its last one. So `start` puts this very
// process into it, prints the group's path, and stays until its standard input ends: meanwhile the launcher limits the
// group and has the container's init born into it, as into a group of its own making.
#include <poll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>

#include "base/text.h"
#include "cgroup/scope.h"

namespace casemate::cgroup {
namespace {

constexpr const char* destination = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr uint64_t job_timeout_us = 30 * uint64_t{1000000};

template <auto Release>
struct Releaser {
    template <typename T>
    void operator()(T* object) const {
        Release(object);
    }
};
using Bus = std::unique_ptr<sd_bus, Releaser<sd_bus_flush_close_unref>>;
using Message = std::unique_ptr<sd_bus_message, Releaser<sd_bus_message_unref>>;
using Slot = std::unique_ptr<sd_bus_slot, Releaser<sd_bus_slot_unref>>;

// The bus's answer to a call: an error name that code looks at, and a text for people.
class Answer {
public:
    Answer() = default;
    ~Answer() { sd_bus_error_free(&error_); }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    sd_bus_error* error() { return &error_; }
    sd_bus_message** message() { return &raw_; }
    Message take() { return Message(raw_); }
    bool is(const char* name) const { return sd_bus_error_has_name(&error_, name) > 0; }
    Error failed(int code, std::string_view what) const {
        if (error_.message) return Error::with_code(-code, concat(what, ": ", printable(error_.message)));
        return Error::from_errno(-code, what);
    }

private:
    sd_bus_error error_ = SD_BUS_ERROR_NULL;
    sd_bus_message* raw_ = nullptr;
};

Result<void> checked(int code, std::string_view what) {
    if (code < 0) return Error::from_errno(-code, what);
    return {};
}

Result<Bus> open_bus(Manager manager) {
    sd_bus* raw = nullptr;
    const bool system = manager == Manager::system;
    const int code = system ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw);
    if (code >= 0) return Bus(raw);
    return Error::from_errno(-code, system ? "the system bus" : "the user bus")
        .hint(system ? "is dbus running? --cgroup-manager=cgroupfs does without"
                     : "needs a `systemd --user` of this user (a login, or: loginctl enable-linger USER) and XDG_RUNTIME_DIR; --cgroup-manager=cgroupfs does without");
}

Result<void> append(sd_bus_message* message, const UnitProperty& property) {
    const char type[] = {property.type, '\0'};
    const char* name = property.name.c_str();
    if (property.type == 's') return checked(sd_bus_message_append(message, "(sv)", name, type, property.value.c_str()), name);
    const uint64_t number = parse_decimal(property.value).value_or(0);  // parse() has checked it
    if (property.type == 'i') return checked(sd_bus_message_append(message, "(sv)", name, type, static_cast<int32_t>(number)), name);
    return checked(sd_bus_message_append(message, "(sv)", name, type, number), name);
}

// A job of systemd's, from before it is asked for to its end.
class Job {
public:
    explicit Job(sd_bus* bus) : bus_(bus) {}

    Result<void> watch() {
        sd_bus_slot* raw = nullptr;
        TRY(checked(sd_bus_match_signal(bus_, &raw, destination, manager_path, manager_interface, "JobRemoved", removed, this), "JobRemoved"));
        slot_.reset(raw);
        Answer answer;
        const int code = sd_bus_call_method(bus_, destination, manager_path, manager_interface, "Subscribe", answer.error(), nullptr, "");
        return code < 0 ? Result<void>(answer.failed(code, "Subscribe")) : Result<void>();
    }

    // `reply` to the call that made the job. Its end: "done", "failed", "timeout" ...
    Result<std::string> wait(sd_bus_message* reply) {
        const char* path = nullptr;
        TRY(checked(sd_bus_message_read(reply, "o", &path), "the job's path"));
        wanted_ = path;
        const uint64_t end = monotonic_us() + job_timeout_us;
        while (ended_.find(wanted_) == ended_.end()) {
            const int code = sd_bus_process(bus_, nullptr);
            TRY(checked(code, "the bus"));
            if (code > 0) continue;
            const uint64_t left = end > monotonic_us() ? end - monotonic_us() : 0;
            if (left == 0) return Error::with_code(ETIMEDOUT, "systemd did not finish within 30 s");
            TRY(checked(sd_bus_wait(bus_, left), "the bus"));
        }
        return ended_[wanted_];
    }

private:
    static int removed(sd_bus_message* message, void* self, sd_bus_error*) {
        uint32_t id = 0;
        const char *path = nullptr, *unit = nullptr, *result = nullptr;
        const int code = sd_bus_message_read(message, "uoss", &id, &path, &unit, &result);
        if (code >= 0) static_cast<Job*>(self)->ended_[path] = result;
        return code;
    }
    static uint64_t monotonic_us() {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
    }

    sd_bus* bus_;
    Slot slot_;
    std::string wanted_;
    std::map<std::string, std::string> ended_;
};

Result<Message> start_call(sd_bus* bus, const std::string& unit, const std::string& slice, const std::string& description,
                           const std::vector<UnitProperty>& properties) {
    sd_bus_message* raw = nullptr;
    TRY(checked(sd_bus_message_new_method_call(bus, &raw, destination, manager_path, manager_interface, "StartTransientUnit"), "StartTransientUnit"));
    Message message(raw);
    const auto self = static_cast<uint32_t>(::getpid());
    TRY(checked(sd_bus_message_append(raw, "ss", unit.c_str(), "fail"), "StartTransientUnit"));
    TRY(checked(sd_bus_message_open_container(raw, 'a', "(sv)"), "StartTransientUnit"));
    TRY(checked(sd_bus_message_append(raw, "(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s", description.c_str(), "Slice", "s", slice.c_str(),
                                      "Delegate", "b", 1, "DefaultDependencies", "b", 0, "CollectMode", "s", "inactive-or-failed", "PIDs", "au",
                                      1, self), "StartTransientUnit"));
    for (const UnitProperty& property : properties) TRY(append(raw, property));
    TRY(checked(sd_bus_message_close_container(raw), "StartTransientUnit"));
    TRY(checked(sd_bus_message_append(raw, "a(sa(sv))", 0), "StartTransientUnit"));
    return message;
}

// The group of a unit, as systemd knows it.
Result<std::string> control_group(sd_bus* bus, const std::string& unit) {
    char* path = nullptr;
    TRY(checked(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path), unit));
    const std::unique_ptr<char, Releaser<::free>> owned(path);
    Answer answer;
    char* group = nullptr;
    const int code = sd_bus_get_property_string(bus, destination, path, "org.freedesktop.systemd1.Scope", "ControlGroup", answer.error(), &group);
    if (code < 0) return answer.failed(code, "ControlGroup");
    const std::unique_ptr<char, Releaser<::free>> owned_group(group);
    return std::string(group);
}

Result<void> start(Manager manager, const std::string& unit, const std::string& slice, const std::string& description,
                   const std::vector<UnitProperty>& properties) {
    const Bus bus = TRY(open_bus(manager));
    Job job(bus.get());
    TRY(job.watch());
    for (bool again = false;; again = true) {
        Answer answer;
        const Message call = TRY(start_call(bus.get(), unit, slice, description, properties));
        const int code = sd_bus_call(bus.get(), call.get(), 0, answer.error(), answer.message());
        const Message reply = answer.take();
        if (code >= 0) {
            const std::string result = TRY(job.wait(reply.get()));
            if (result != "done") return Error::with_code(EIO, concat("systemd: the job ended with '", printable(result), "'"));
            break;
        }
        // One that failed before and was never collected is in nobody's way.
        if (again || !answer.is("org.freedesktop.systemd1.UnitExists")) return answer.failed(code, "StartTransientUnit");
        Answer reset;
        if (sd_bus_call_method(bus.get(), destination, manager_path, manager_interface, "ResetFailedUnit", reset.error(), nullptr, "s", unit.c_str()) < 0)
            return answer.failed(code, "StartTransientUnit");
    }
    const std::string group = TRY(control_group(bus.get(), unit));
    if (std::printf("%s\n", group.c_str()) < 0 || std::fflush(stdout) != 0) return Error::sys("standard output");
    char byte;
    while (::read(STDIN_FILENO, &byte, 1) > 0) continue;
    return {};
}

Result<void> stop(Manager manager, const std::string& unit) {
    const Bus bus = TRY(open_bus(manager));
    Job job(bus.get());
    TRY(job.watch());
    Answer answer;
    const int code = sd_bus_call_method(bus.get(), destination, manager_path, manager_interface, "StopUnit", answer.error(), answer.message(), "ss", unit.c_str(), "replace");
    const Message reply = answer.take();
    if (answer.is("org.freedesktop.systemd1.NoSuchUnit")) return {};
    if (code < 0) return answer.failed(code, "StopUnit");
    const std::string result = TRY(job.wait(reply.get()));
    if (result != "done") return Error::with_code(EIO, concat("systemd: the job ended with '", printable(result), "'"));
    return {};
}

Result<void> set(Manager manager, const std::string& unit, const std::vector<UnitProperty>& properties) {
    const Bus bus = TRY(open_bus(manager));
    sd_bus_message* raw = nullptr;
    TRY(checked(sd_bus_message_new_method_call(bus.get(), &raw, destination, manager_path, manager_interface, "SetUnitProperties"), "SetUnitProperties"));
    const Message call(raw);
    TRY(checked(sd_bus_message_append(raw, "sb", unit.c_str(), 1), "SetUnitProperties"));
    TRY(checked(sd_bus_message_open_container(raw, 'a', "(sv)"), "SetUnitProperties"));
    for (const UnitProperty& property : properties) TRY(append(raw, property));
    TRY(checked(sd_bus_message_close_container(raw), "SetUnitProperties"));
    Answer answer;
    const int code = sd_bus_call(bus.get(), raw, 0, answer.error(), nullptr);
    return code < 0 ? Result<void>(answer.failed(code, "SetUnitProperties")) : Result<void>();
}

constexpr const char* usage =
    "usage: casemate-systemd-cgroup system|user start UNIT SLICE DESCRIPTION [NAME=TYPE:VALUE...]\n"
    "       casemate-systemd-cgroup system|user set UNIT NAME=TYPE:VALUE...\n"
    "       casemate-systemd-cgroup system|user stop UNIT\n"
    "Started by casemate --systemd-cgroup. `start` prints the path of the scope's group and holds the scope until its\n"
    "standard input ends.\n";

// What argv asks for. False: it is no sentence of the usage.
Result<bool> act(const std::vector<std::string>& words) {
    if (words.size() < 3 || (words[0] != "system" && words[0] != "user")) return false;
    const Manager manager = words[0] == "user" ? Manager::user : Manager::system;
    const bool starts = words[1] == "start";
    const size_t first_property = starts ? 5 : 3;
    if (words.size() < first_property) return false;
    std::vector<UnitProperty> properties;
    for (size_t i = first_property; i < words.size(); ++i) properties.push_back(TRY(UnitProperty::parse(words[i])));
    if (starts) {
        TRY(start(manager, words[2], words[3], words[4], properties));
        return true;
    }
    if (words[1] == "set" && !properties.empty()) {
        TRY(set(manager, words[2], properties));
        return true;
    }
    if (words[1] != "stop" || !properties.empty()) return false;
    TRY(stop(manager, words[2]));
    return true;
}

}  // namespace
}  // namespace casemate::cgroup

int main(int argc, char** argv) {
    const auto done = casemate::cgroup::act({argv + 1, argv + argc});
    if (done && done.value()) return 0;
    if (done) {
        std::fputs(casemate::cgroup::usage, stderr);
        return 2;
    }
    const casemate::Error& error = done.error();
    std::fprintf(stderr, "%s\n", error.text().c_str());
    if (!error.hint_text().empty()) std::fprintf(stderr, "hint: %s\n", error.hint_text().c_str());
    return 1;
}
