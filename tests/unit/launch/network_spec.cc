// --publish and --listen as text: what is taken, and that each refusal says why.
#include "launch/network_spec.h"

#include <doctest/doctest.h>

#include <string>

using namespace casemate;
using launch::parse_listen;
using launch::parse_publish;

namespace {

std::string published(std::string_view text) {
    const auto spec = parse_publish(text);
    if (!spec) return "error: " + spec.error().text();
    return spec.value().host.text() + " > " + std::to_string(spec.value().container_port);
}

std::string listened(std::string_view text) {
    const auto spec = parse_listen(text);
    return spec ? spec.value().text() : "error: " + spec.error().text();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("network_spec: publish takes [ADDR:]HOST:CONTAINER") {
    CHECK(published("8000:80") == "127.0.0.1:8000 > 80");
    CHECK(published("8000:80/tcp") == "127.0.0.1:8000 > 80");
    CHECK(published("0.0.0.0:1:65535") == "0.0.0.0:1 > 65535");
    CHECK(published("[::1]:8000:80") == "[::1]:8000 > 80");
    CHECK(published("[::]:8000:80") == "[::]:8000 > 80");
    CHECK(published("[2001:db8::7]:443:8443") == "[2001:db8::7]:443 > 8443");
}

TEST_CASE("network_spec: publish refuses by name") {
    const struct {
        const char* text;
        const char* because;
    } table[] = {
        {"53:53/udp", "UDP"},
        {"80:80/sctp", "unknown protocol 'sctp'"},
        {"80", "not [ADDR:]HOST:CONTAINER"},
        {"", "not [ADDR:]HOST:CONTAINER"},
        {":80", "host port: ''"},
        {"80:", "container port: ''"},
        {"0:80", "host port: '0'"},
        {"80:0", "container port: '0'"},
        {"65536:80", "host port: '65536'"},
        {"80:99999999999999999999", "container port"},
        {"+80:80", "host port: '+80'"},
        {" 80:80", "host port: ' 80'"},
        {"0x50:80", "host port: '0x50'"},
        {"8000-8010:80-90", "container port: port range"},
        {"8000-8010:80", "host port: port range"},
        {"localhost:80:80", "'localhost' is not a numeric address"},
        {"*:80:80", "not a numeric address"},
        {":80:80", "the address is empty"},
        {"127.1:80:80", "not a numeric address"},
        {"127.0.0.01:80:80", "not a numeric address"},
        {"256.0.0.1:80:80", "not a numeric address"},
        {"::1:80:80", "an IPv6 address goes in brackets"},
        {"[::1]:80", "the host port is missing"},
        {"[::1:80:80", "']' is missing"},
        {"[]:80:80", "not an IPv6 address"},
        {"[127.0.0.1]:80:80", "not an IPv6 address"},
        {"[::ffff:127.0.0.1]:80:80", "IPv4 within IPv6"},
        {"[fe80::1%eth0]:80:80", "zone"},
        {"1.2.3.4:[::1]:80:80", "goes in brackets"},
    };
    for (const auto& row : table) {
        CAPTURE(row.text);
        const std::string said = published(row.text);
        CHECK_MESSAGE(contains(said, row.because), said);
    }
}

TEST_CASE("network_spec: an error quotes what was typed and no control byte passes") {
    const auto spec = parse_publish("80:8\x1b[2J");
    REQUIRE(!spec);
    CHECK(contains(spec.error().text(), "\\x1b"));
    CHECK(!contains(spec.error().text(), "\x1b"));
    CHECK(contains(parse_publish("localhost:80:80").error().hint_text(), "127.0.0.1"));
}

TEST_CASE("network_spec: listen takes ADDR:PORT or an absolute path") {
    CHECK(listened("127.0.0.1:8000") == "127.0.0.1:8000");
    CHECK(listened("[::1]:8000") == "[::1]:8000");
    CHECK(listened("/run/app.sock") == "/run/app.sock");
    CHECK(parse_listen("/run/app.sock").value().is_unix());
    CHECK(!parse_listen("127.0.0.1:8000").value().is_unix());
    CHECK(listened("/" + std::string(106, 'x')) == "/" + std::string(106, 'x'));
}

TEST_CASE("network_spec: listen refuses by name") {
    CHECK(contains(listened("8000"), "neither ADDR:PORT nor an absolute path"));
    CHECK(contains(listened("127.0.0.1:53/udp"), "UDP"));
    CHECK(contains(listened("127.0.0.1:0"), "host port: '0'"));
    CHECK(contains(listened(":8000"), "the address is empty"));
    CHECK(contains(listened("run/app.sock"), "error: "));
    CHECK(contains(listened("/run/../app.sock"), "not normal"));
    CHECK(contains(listened("/run/"), "not normal"));
    CHECK(contains(listened("/"), "not normal"));
    CHECK(contains(listened(std::string_view("/run/a\0b", 8)), "not normal"));
    CHECK(contains(listened("/" + std::string(107, 'x')), "at most 107"));
}
