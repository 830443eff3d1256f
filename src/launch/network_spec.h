// What --publish and --listen say, as values. Pure text work, so that every refusal is tested without a socket.
//
// Addresses are numeric only: a name would be resolved by code and files that the launch must not depend on, and
// "localhost" may be two addresses. UDP is refused by name: the relay carries streams, and an inherited UDP socket
// could be aimed at any host (RECIPES 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::launch {

struct Endpoint {
    bool ipv6 = false;
    std::string address;  // numeric, without brackets
    uint16_t port = 0;    // host byte order, never 0
    // "127.0.0.1:80", "[::1]:80"
    std::string text() const;
    bool operator==(const Endpoint&) const = default;
};

struct PublishSpec {
    Endpoint host;
    uint16_t container_port = 0;
    bool operator==(const PublishSpec&) const = default;
};

struct ListenSpec {
    std::string path;  // an absolute path: a unix stream socket; empty: `endpoint` holds
    Endpoint endpoint;
    bool is_unix() const { return !path.empty(); }
    std::string text() const { return is_unix() ? path : endpoint.text(); }
    bool operator==(const ListenSpec&) const = default;
};

// A numeric address: "127.0.0.1" or, in brackets, "[::1]". Names, zones (%eth0) and IPv4 within IPv6 are errors.
Result<Endpoint> parse_endpoint(std::string_view address, std::string_view port);
// "[ADDR:]HOST:CONTAINER", optionally "/tcp"; ADDR is 127.0.0.1 when absent. Ports are 1..65535.
Result<PublishSpec> parse_publish(std::string_view text);
// "ADDR:PORT", or the absolute normal path of a unix socket (at most 107 bytes: sockaddr_un).
Result<ListenSpec> parse_listen(std::string_view text);

}  // namespace casemate::launch
