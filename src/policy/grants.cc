#include "policy/grants.h"

#include <arpa/inet.h>

namespace casemate::policy {
namespace {

constexpr uint32_t last_id = UINT32_MAX - 1;  // -1 means "unchanged" to the kernel

std::optional<uint32_t> parse_id(const At& at, const json::Value& value) {
    const auto id = at.integer(value, 0, last_id);
    return id ? std::optional(static_cast<uint32_t>(*id)) : std::nullopt;
}

bool is_ipv4(std::string_view text) {
    in_addr address;
    return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}
bool is_ipv6(std::string_view text) {
    in6_addr address;
    return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

// "ADDR:" or "[ADDR6]:" in front of `rest`; without one the address stays empty.
bool take_address(std::string_view text, std::string& address, std::string_view& rest) {
    if (text.starts_with('[')) {
        const size_t end = text.find("]:");
        if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1))) return false;
        address = text.substr(1, end - 1);
        rest = text.substr(end + 2);
        return true;
    }
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_ipv4(text.substr(0, colon))) return false;
    address = text.substr(0, colon);
    rest = text.substr(colon + 1);
    return true;
}

std::optional<uint16_t> port_number(std::string_view text) {
    const auto port = parse_decimal(text, 65535);
    return port && *port > 0 ? std::optional(static_cast<uint16_t>(*port)) : std::nullopt;
}

std::optional<Publish> parse_publish(std::string_view text) {
    Publish out;
    std::string_view ports = text;
    take_address(text, out.address, ports);
    const size_t colon = ports.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto host = port_number(ports.substr(0, colon)), container = port_number(ports.substr(colon + 1));
    if (!host || !container) return std::nullopt;
    out.host_port = *host;
    out.container_port = *container;
    return out;
}

}  // namespace

std::optional<UserIds> User::parse(const At& at, const json::Value& value) {
    static constexpr std::string_view keys[] = {"uid", "gid", "additionalGids"};
    static constexpr std::string_view required[] = {"uid", "gid"};
    if (!at.check_keys(value, keys, required)) return std::nullopt;
    const json::Value *uid_value = value.find("uid"), *gid_value = value.find("gid"),
                      *more = value.find("additionalGids");
    if (!uid_value || !gid_value) return std::nullopt;
    const auto uid = parse_id(at.member("uid"), *uid_value), gid = parse_id(at.member("gid"), *gid_value);
    if (!uid || !gid) return std::nullopt;
    UserIds user{*uid, *gid, {}};
    if (more) {
        const At here = at.member("additionalGids");
        const auto items = here.array(*more);
        if (!items) return std::nullopt;
        for (size_t i = 0; i < items->size(); ++i) {
            const auto group = parse_id(here.item(i), (*items)[i]);
            if (!group) return std::nullopt;
            user.additional_gids.push_back(*group);
        }
        std::ranges::sort(user.additional_gids);
    }
    return user;
}

void User::write(json::Writer& writer, const UserIds& user) {
    writer.begin_object().field("uid", user.uid).field("gid", user.gid);
    if (!user.additional_gids.empty()) {
        writer.key("additionalGids").begin_array();
        for (const uint32_t gid : user.additional_gids) writer.value(gid);
        writer.end_array();
    }
    writer.end_object();
}

std::optional<std::vector<Publish>> Ports::parse(const At& at, const json::Value& value) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    Value ports;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) {
        const At here = at.item(i);
        const auto text = here.string((*items)[i], "a string such as \"8000:80\"");
        const auto port = text ? parse_publish(*text) : std::nullopt;
        if (text && !port) here.fail(concat(quoted(*text), " is not [ADDR:]HOST:CONTAINER"));
        const bool twice = port && std::ranges::find(ports, port->host_port, &Publish::host_port) != ports.end();
        if (twice) here.fail(concat("host port ", port->host_port, " is published twice"));
        sound = sound && port && !twice;
        if (port) ports.push_back(*port);
    }
    return sound ? std::optional(std::move(ports)) : std::nullopt;
}

void Ports::write(json::Writer& writer, const Value& ports) {
    writer.begin_array();
    for (const Publish& port : ports) {
        const bool v6 = port.address.find(':') != std::string::npos;
        writer.value(concat(v6 ? "[" : "", port.address, v6 ? "]" : "", ":", port.host_port, ":", port.container_port));
    }
    writer.end_array();
}

bool is_address_and_port(std::string_view text) {
    std::string address;
    std::string_view rest;
    return take_address(text, address, rest) && port_number(rest);
}

bool ListenText::item(const At& at, std::string_view text) {
    if (is_normal_path(text) || is_address_and_port(text)) return true;
    at.fail(concat(quoted(text), " is neither ADDR:PORT nor the path of a unix socket"));
    return false;
}

bool Dictionary::join(const Value& a, const Value& b, Value& out) {
    Value all = a;
    for (const auto& [key, value] : b)
        if (all.emplace(key, value).first->second != value) return false;
    return out = std::move(all), true;
}

void Dictionary::overlay(const Value& farther, const Value& nearer, Value& out) {
    Value all = nearer;
    all.insert(farther.begin(), farther.end());
    out = std::move(all);
}

void Dictionary::write(json::Writer& writer, const Value& map) {
    writer.begin_object();
    for (const auto& [key, value] : map) writer.field(key, value);
    writer.end_object();
}

// sysctl(2) keys that a namespace owns: ipc_namespaces(7), network_namespaces(7).
std::string_view sysctl_namespace(std::string_view key) {
    static constexpr std::string_view ipc[] = {
        "kernel.msgmax", "kernel.msgmnb",      "kernel.msgmni",         "kernel.msg_next_id",
        "kernel.sem",    "kernel.sem_next_id", "kernel.shmall",         "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_next_id", "kernel.shm_rmid_forced"};
    if (key.starts_with("net.") && key.size() > 4) return "network";
    if (key.starts_with("fs.mqueue.") && key.size() > 10) return "ipc";
    return std::ranges::find(ipc, key) != std::end(ipc) ? "ipc" : "";
}

std::optional<Dictionary::Value> Sysctl::parse(const At& at, const json::Value& value) {
    if (!value.is_object()) return at.expected("an object", value);
    Value map;
    bool sound = true;
    for (const auto& [key, content] : value.members()) {
        const At here = at.member(key);
        const bool odd = key.find('/') != key.npos || key.find("..") != key.npos || key.size() > 256;
        const auto text = here.string(content);
        if (sysctl_namespace(key).empty())
            here.fail("belongs to the host, not to a namespace");
        else if (odd)
            here.fail("is not a dotted sysctl name");
        sound = sound && text && !odd && !sysctl_namespace(key).empty();
        if (text) map.emplace(key, *text);
    }
    return sound ? std::optional(std::move(map)) : std::nullopt;
}

std::optional<Dictionary::Value> Variables::parse(const At& at, const json::Value& value) {
    if (!value.is_object()) return at.expected("an object", value);
    Value map;
    bool sound = true;
    for (const auto& [key, content] : value.members()) {
        const auto text = at.member(key).string(content);
        sound = VariableName::item(at.member(key), key) && text && sound;
        if (text) map.emplace(key, *text);
    }
    return sound ? std::optional(std::move(map)) : std::nullopt;
}

namespace {
constexpr std::string_view acts[] = {"syscall", "read", "write", "execute", "socket", "bind", "connect"};
constexpr std::string_view expectation_keys[] = {"syscall", "read", "write",   "execute",
                                                 "socket",  "bind", "connect", "result"};

bool sound_object(const At& at, Expectation::Act act, std::string_view object) {
    using enum Expectation::Act;
    if (act == read || act == write || act == execute) return Path::item(at, object);
    if (act == socket) return WordOf<SocketFamily>::item(at, object);
    if (act == syscall && seccomp::find_syscall(object)) return true;
    if (act == syscall) return at.fail(concat("unknown system call ", quoted(object))), false;
    return ListenText::item(at, object);
}

std::optional<Expectation> parse_expectation(const At& at, const json::Value& value) {
    static constexpr std::string_view required[] = {"result"};
    if (!at.check_keys(value, expectation_keys, required)) return std::nullopt;
    std::optional<Expectation> out;
    for (size_t i = 0; i < std::size(acts); ++i) {
        const json::Value* const object = value.find(acts[i]);
        if (!object) continue;
        if (out) return at.fail("more than one act");
        const auto text = at.member(acts[i]).string(*object);
        const auto act = static_cast<Expectation::Act>(i);
        if (!text || !sound_object(at.member(acts[i]), act, *text)) return std::nullopt;
        out = Expectation{act, std::string(*text), {}};
    }
    if (!out) return at.fail("no act; one of syscall, read, write, execute, socket, bind, connect");
    const json::Value* const result = value.find("result");
    const auto text = result ? at.member("result").string(*result) : std::nullopt;
    if (!text) return std::nullopt;
    if (*text != "ok" && *text != "denied" && !errno_by_name(*text))
        return at.member("result").fail(concat(quoted(*text), " is neither 'ok', 'denied' nor an errno"));
    out->result = *text;
    return out;
}
}  // namespace

std::optional<std::vector<Expectation>> Expectations::parse(const At& at, const json::Value& value) {
    const auto items = at.array(value);
    if (!items) return std::nullopt;
    Value list;
    bool sound = true;
    for (size_t i = 0; i < items->size(); ++i) {
        const auto one = parse_expectation(at.item(i), (*items)[i]);
        const bool twice = one && std::ranges::any_of(list, [&](const auto& other) { return key(other) == key(*one); });
        if (twice) at.item(i).fail("this act is expected twice");
        sound = sound && one && !twice;
        if (one) list.push_back(*one);
    }
    return sound ? std::optional(std::move(list)) : std::nullopt;
}

void Expectations::write(json::Writer& writer, const Value& list) {
    writer.begin_array();
    for (const Expectation& one : list)
        writer.begin_object()
            .field(acts[static_cast<size_t>(one.act)], one.object)
            .field("result", one.result)
            .end_object();
    writer.end_array();
}

}  // namespace casemate::policy
