// Parsing of --publish and --listen: split from the right, because only the address may hold colons.
#include "launch/network_spec.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "base/text.h"

namespace casemate::launch {
namespace {

constexpr uint64_t last_port = 65535;
constexpr size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;

Result<uint16_t> parse_port(std::string_view text) {
    if (text.find('-') != std::string_view::npos)
        return Error::invalid(concat("port range ", quoted(text), " is not supported"))
            .hint("give each port on its own");
    const auto port = parse_decimal(text, last_port);
    if (!port || *port == 0) return Error::invalid(concat(quoted(text), " is not a port (1..65535)"));
    return static_cast<uint16_t>(*port);
}

// Takes the protocol suffix off `text`. Only TCP passes.
Result<void> take_protocol(std::string_view& text) {
    const size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return {};
    const std::string_view protocol = text.substr(slash + 1);
    if (protocol == "udp")
        return Error::invalid("UDP cannot be published: only TCP is carried")
            .hint("leave '/udp' out, or put a UDP proxy in front");
    if (protocol != "tcp") return Error::invalid(concat("unknown protocol ", quoted(protocol), ": only tcp"));
    text = text.substr(0, slash);
    return {};
}

// The last colon outside of brackets, or npos.
size_t last_colon(std::string_view text) {
    const size_t colon = text.rfind(':');
    const size_t bracket = text.rfind(']');
    if (bracket != std::string_view::npos && colon != std::string_view::npos && colon < bracket)
        return std::string_view::npos;
    return colon;
}

Result<Endpoint> parse_ipv6(std::string_view text) {
    const std::string address(text);
    in6_addr parsed{};
    if (text.find('%') != std::string_view::npos)
        return Error::invalid(concat("address ", quoted(text), ": an address with a zone is not supported"));
    if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1)
        return Error::invalid(concat(quoted(text), " is not an IPv6 address"));
    if (IN6_IS_ADDR_V4MAPPED(&parsed))
        return Error::invalid(concat("address ", quoted(text), " is IPv4 within IPv6"))
            .hint("write the IPv4 address itself");
    return Endpoint{true, address, 0};
}

Result<Endpoint> parse_address(std::string_view text) {
    if (text.empty())
        return Error::invalid("the address is empty").hint("127.0.0.1 is this host only, 0.0.0.0 every interface");
    if (text.front() == '[') {
        if (text.back() != ']') return Error::invalid(concat(quoted(text), ": ']' is missing"));
        return parse_ipv6(text.substr(1, text.size() - 2));
    }
    const std::string address(text);
    in_addr parsed{};
    if (inet_pton(AF_INET, address.c_str(), &parsed) == 1) return Endpoint{false, address, 0};
    if (text.find(':') != std::string_view::npos)
        return Error::invalid(concat(quoted(text), ": an IPv6 address goes in brackets"))
            .hint("for example [::1]:8000:80");
    return Error::invalid(concat(quoted(text), " is not a numeric address"))
        .hint("127.0.0.1 is this host only, 0.0.0.0 every interface");
}

Result<PublishSpec> parse_publish_parts(std::string_view text) {
    TRY(take_protocol(text));
    const size_t colon = last_colon(text);
    if (colon == std::string_view::npos) return Error::invalid("not [ADDR:]HOST:CONTAINER").hint("for example 8000:80");
    PublishSpec spec;
    spec.container_port = TRY_IN("container port", parse_port(text.substr(colon + 1)));
    const std::string_view host = text.substr(0, colon);
    const size_t address_end = last_colon(host);
    if (address_end == std::string_view::npos && host.find(']') != std::string_view::npos)
        return Error::invalid("the host port is missing").hint("for example [::1]:8000:80");
    const bool has_address = address_end != std::string_view::npos;
    spec.host = TRY(parse_endpoint(has_address ? host.substr(0, address_end) : "127.0.0.1",
                                   has_address ? host.substr(address_end + 1) : host));
    return spec;
}

Result<ListenSpec> parse_listen_parts(std::string_view text) {
    ListenSpec spec;
    if (!text.empty() && text.front() == '/') {
        if (!is_normal_path(text) || text == "/" || text.find('\0') != std::string_view::npos)
            return Error::invalid("the socket's path is not normal (an empty, '.' or '..' component, or a final '/')");
        if (text.size() > longest_socket_path)
            return Error::invalid(
                concat("the socket's path has ", text.size(), " bytes; at most ", longest_socket_path));
        spec.path = text;
        return spec;
    }
    TRY(take_protocol(text));
    const size_t colon = last_colon(text);
    if (colon == std::string_view::npos)
        return Error::invalid("neither ADDR:PORT nor an absolute path").hint("for example 127.0.0.1:8000");
    spec.endpoint = TRY(parse_endpoint(text.substr(0, colon), text.substr(colon + 1)));
    return spec;
}

}  // namespace

std::string Endpoint::text() const { return ipv6 ? concat('[', address, "]:", port) : concat(address, ':', port); }

Result<Endpoint> parse_endpoint(std::string_view address, std::string_view port) {
    Endpoint endpoint = TRY(parse_address(address));
    endpoint.port = TRY_IN("host port", parse_port(port));
    return endpoint;
}

Result<PublishSpec> parse_publish(std::string_view text) {
    return TRY_IN(concat("publish ", quoted(text)), parse_publish_parts(text));
}

Result<ListenSpec> parse_listen(std::string_view text) {
    return TRY_IN(concat("listen ", quoted(text)), parse_listen_parts(text));
}

}  // namespace casemate::launch
