// Image configuration -> process, by conversion.md.
#include "oci/conversion.h"

#include <doctest/doctest.h>

using namespace casemate;
using namespace casemate::oci;

namespace {

using Strings = std::vector<std::string>;

ImageConfig image() {
    ImageConfig out;
    out.platform = {"linux", "arm64", "v8", "", {"a", "b"}};
    out.created = "2026-01-02T03:04:05Z";
    out.author = "somebody";
    out.defaults.user = "1001:1002";
    out.defaults.entrypoint = {"/app", "--serve"};
    out.defaults.cmd = {"--port", "80"};
    out.defaults.env = {"A=b=c"};
    return out;
}
ImageProcess converted(const ImageConfig& config, const ConversionInput& input = {}) {
    Result<ImageProcess> process = convert(config, input);
    INFO((process ? std::string() : process.error().text()));
    REQUIRE(process);
    return std::move(process).take();
}
std::string error_of(const ImageConfig& config, const ConversionInput& input = {}) {
    const Result<ImageProcess> process = convert(config, input);
    return process ? "accepted" : process.error().text();
}

}  // namespace

TEST_CASE("conversion: arguments") {
    ImageConfig config = image();
    CHECK(converted(config).args == Strings{"/app", "--serve", "--port", "80"});
    CHECK(converted(config, {.command = {"--help"}}).args == Strings{"/app", "--serve", "--help"});
    CHECK(converted(config, {.command = {"/bin/sh", "-c", ""}, .replace_entrypoint = true}).args ==
          Strings{"/bin/sh", "-c", ""});
    config.defaults.entrypoint.clear();
    CHECK(converted(config).args == Strings{"--port", "80"});
    config.defaults.cmd.clear();
    CHECK(converted(config).args.empty());
}

TEST_CASE("conversion: environment") {
    ImageConfig config = image();
    CHECK(converted(config).env ==
          Strings{"A=b=c", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"});
    config.defaults.env = {"A=1", "PATH=/bin", "A=2", "HOME=/h", "E=", "N=a\nb"};
    CHECK(converted(config).env == Strings{"A=2", "PATH=/bin", "HOME=/h", "E=", "N=a\nb"});
    config.defaults.env = {"PATHS=/x", "XPATH=/x"};
    CHECK(converted(config).env.size() == 4);
    config.defaults.env = {"PATH="};
    CHECK(converted(config).env == Strings{"PATH=", "HOME=/"});
    config.defaults.env = {"PATH"};
    CHECK(error_of(config) == "Env: expected NAME=value, got 'PATH'");
    config.defaults.env = {"=x"};
    CHECK(error_of(config) == "Env: expected NAME=value, got '=x'");
    config.defaults.env = {"A\nLD_PRELOAD=/x"};
    CHECK(error_of(config) == "Env: a control character in the name 'A\\x0aLD_PRELOAD'");
    config.defaults.env.assign(1025, "A=1");
    CHECK(error_of(config) == "Env: more than 1024 variables");
}

TEST_CASE("conversion: HOME comes from the image's passwd") {
    ImageConfig config = image();
    const std::string_view passwd = "app:x:1001:1002::/home/app:/bin/sh\n";
    CHECK(converted(config, {.passwd_text = passwd}).env.back() == "HOME=/home/app");
    config.defaults.user = "app";
    const ImageProcess process = converted(config, {.passwd_text = passwd, .group_text = "audio:x:29:app\n"});
    CHECK(process.user.uid == 1001);
    CHECK(process.user.additional_gids == std::vector<uint32_t>{29});
    CHECK(error_of(config) == "User: user 'app' is not in the image's passwd");
    CHECK(converted(config, {.user = "7:8"}).user.uid == 7);
    CHECK(converted(config, {.user = ""}).user.unnamed);
    CHECK(error_of(config, {.user = "7:"}) == "User: the group is empty");
}

TEST_CASE("conversion: working directory") {
    ImageConfig config = image();
    const auto cwd = [&](const char* text) {
        config.defaults.working_dir = text;
        const Result<ImageProcess> process = convert(config, {});
        return process ? process.value().cwd : "error";
    };
    CHECK(cwd("") == "/");
    CHECK(cwd("/") == "/");
    CHECK(cwd("/srv/app") == "/srv/app");
    CHECK(cwd("/srv//app/./") == "/srv/app");
    CHECK(cwd("//") == "/");
    CHECK(cwd("srv") == "error");
    CHECK(cwd("/srv/../../etc") == "error");
    CHECK(cwd("..") == "error");
    CHECK(cwd("/..x") == "/..x");
}

TEST_CASE("conversion: stop signal") {
    ImageConfig config = image();
    for (const char* signal : {"", "SIGTERM", "TERM", "15", "SIGRTMIN+3"}) {
        config.defaults.stop_signal = signal;
        CHECK(converted(config).stop_signal == signal);
    }
    for (const char* signal : {"0", "65", "SIGNOTHING", "-9", "SIGTERM "}) {
        config.defaults.stop_signal = signal;
        CHECK(error_of(config).starts_with("StopSignal: not a signal: "));
    }
}

TEST_CASE("conversion: annotations, where labels win") {
    ImageConfig config = image();
    config.defaults.stop_signal = "SIGINT";
    config.defaults.exposed_ports = {"443/tcp", "80/tcp"};
    config.defaults.labels = {{"org.opencontainers.image.author", "label"},
                              {"k", "v"},
                              {"", "no key"},
                              {"run.oci.keep_original_groups", "1"}};
    const std::map<std::string, std::string> annotations = converted(config).annotations;
    CHECK(annotations ==
          std::map<std::string, std::string>{{"org.opencontainers.image.os", "linux"},
                                             {"org.opencontainers.image.architecture", "arm64"},
                                             {"org.opencontainers.image.variant", "v8"},
                                             {"org.opencontainers.image.os.features", "a,b"},
                                             {"org.opencontainers.image.author", "label"},
                                             {"org.opencontainers.image.created", "2026-01-02T03:04:05Z"},
                                             {"org.opencontainers.image.stopSignal", "SIGINT"},
                                             {"org.opencontainers.image.exposedPorts", "443/tcp,80/tcp"},
                                             {"run.oci.keep_original_groups", "1"},
                                             {"k", "v"}});
}

TEST_CASE("conversion: labels change nothing but annotations (SECURITY 3.J)") {
    const ImageConfig plain = image();
    ImageConfig labelled = plain;
    for (const char* key : {"run.oci.handler", "org.systemd.property.TasksMax", "io.podman.annotations.privileged",
                            "containerd.io/restart.policy", "PATH", "User"})
        labelled.defaults.labels[key] = "0:0";
    ImageProcess a = converted(plain), b = converted(labelled);
    CHECK(a.args == b.args);
    CHECK(a.env == b.env);
    CHECK(a.cwd == b.cwd);
    CHECK(a.user.uid == b.user.uid);
    CHECK(a.user.gid == b.user.gid);
    CHECK(a.stop_signal == b.stop_signal);
}
